// A cluster that exists already: it is checked, not created.
import { DatapathProvider, MIN_VERSION } from "./cluster";
import { checkChoice } from "./choices";
import { type ClusterFacts, isAtLeast } from "./cluster-facts";
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/** What a cluster that exists must be. */
export interface ExpectedCluster {
  /** What the program says that it has; the rest of the checks follow. */
  readonly datapathProvider?: DatapathProvider;
  /** Region in which the program needs it. */
  readonly region?: MaybeLater<string>;
}

/** Checks that Pods of a cluster can have persistent addresses. What is not known is passed over. */
export function checkExistingCluster(facts: ClusterFacts, expected: ExpectedCluster, problems: Problems): void {
  const { datapathProvider = DatapathProvider.Advanced, region } = expected;
  checkChoice("datapathProvider", datapathProvider, DatapathProvider, problems);
  if (
    isKnown(facts.location) &&
    isKnown(facts.region) &&
    region !== undefined &&
    isKnown(region) &&
    region !== facts.region
  ) {
    problems.add(
      "location",
      facts.location,
      `the addresses are in region "${region}", and a cluster reaches those of its own region only: use a cluster in "${region}"`,
    );
  }
  if (facts.autopilot === true) {
    problems.add(
      "enableAutopilot",
      true,
      "persistent addresses need GKE Standard: use another cluster, its mode is fixed at creation",
    );
  }
  checkVersion(facts.version, problems);
  if (facts.dataplaneV2 === false && datapathProvider === DatapathProvider.Advanced) {
    problems.add(
      "datapathProvider",
      DatapathProvider.Legacy,
      'GKE\'s own controller needs Dataplane V2, which is fixed at creation: use another cluster, or a PersistentIpController and datapathProvider: "LEGACY_DATAPATH" here',
    );
  }
  if (facts.vpcNative === false) {
    problems.add(
      "networkingMode",
      "ROUTES",
      "persistent addresses need a VPC-native cluster: use another cluster, it is fixed at creation",
    );
  }
  if (facts.gatewayApi === false) {
    problems.add(
      "gatewayApiConfig.channel",
      "CHANNEL_DISABLED",
      `pools are Gateways, switch the Gateway API on: ${updateCommand(facts, "--gateway-api=standard")}`,
    );
  }
}

/** Checks that the program names the cluster. */
export function checkExistingName(name: MaybeLater<string | undefined>, problems: Problems): void {
  if (name === undefined || name === "") problems.add("clusterName", name, "pass the name that the cluster has in GKE");
}

/** Checks the version that a cluster really has. */
export function checkVersion(version: MaybeLater<string>, problems: Problems): void {
  if (!isKnown(version) || isAtLeast(version, MIN_VERSION)) return;
  problems.add(
    "masterVersion",
    version,
    `persistent addresses need ${MIN_VERSION} or later: upgrade the control plane`,
  );
}

function updateCommand({ name, location, project }: ClusterFacts, flag: string): string {
  const place = isKnown(location) ? ` --location=${location}` : "";
  const owner = isKnown(project) ? ` --project=${project}` : "";
  return `gcloud container clusters update ${isKnown(name) ? name : "NAME"} ${flag}${place}${owner}`;
}
