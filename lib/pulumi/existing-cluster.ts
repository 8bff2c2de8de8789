import * as pulumi from "@pulumi/pulumi";

import { checkLocation, type DatapathProvider } from "../model/cluster";
import { type ClusterFacts, regionOf, regionOfLocation, UNKNOWN_CLUSTER } from "../model/cluster-facts";
import { checkExistingCluster, checkExistingName } from "../model/existing-cluster";
import { kubeconfigOf } from "../model/kubeconfig";
import { isKnown, LATER, type MaybeLater } from "../model/later";
import { checkRegion } from "../model/region";
import { gcp } from "./gcp";
import { checked, knownNow } from "./inputs";
import type { PersistentIpCluster } from "./persistent-ip-cluster";

/** What `PersistentIpCluster.fromExisting` takes. */
export interface PersistentIpClusterFromExistingArgs {
  /** Name of the cluster in GKE; that of a `gcp.container.Cluster` of the same program is its output `name`. */
  clusterName: pulumi.Input<string>;
  /** Where it runs: a region such as `us-central1`, or a zone such as `us-central1-a`. */
  location: pulumi.Input<string>;
  /**
   * Id of its project.
   *
   * @default - that of the provider
   */
  project?: pulumi.Input<string> | undefined;
  /**
   * Region in which the cluster must be, for example that of the addresses.
   *
   * @default - any
   */
  region?: pulumi.Input<string> | undefined;
  /**
   * What carries its packets. With `ADVANCED_DATAPATH` a cluster without Dataplane V2 is an error, as GKE's own
   * controller needs it; say `LEGACY_DATAPATH` for one on which a `PersistentIpController` runs the routes.
   *
   * @default "ADVANCED_DATAPATH"
   */
  datapathProvider?: DatapathProvider | undefined;
}

/** @internal A cluster, however the program came by it. */
export interface ClusterInUse {
  readonly facts: ClusterFacts;
  readonly settled: pulumi.Output<ClusterFacts>;
  readonly kubeconfig: pulumi.Output<string>;
  /** The same for ever: project, location and name. */
  readonly id: pulumi.Output<string>;
  /** Where the program declares it. */
  readonly resource?: pulumi.CustomResource;
}

const KIND = "PersistentIpCluster";

/** @internal Looks the cluster up and checks it. */
export function existingCluster(
  component: PersistentIpCluster,
  name: string,
  args: PersistentIpClusterFromExistingArgs,
): ClusterInUse {
  const { datapathProvider } = args;
  const check = (facts: ClusterFacts, region: MaybeLater<string> | undefined): ClusterFacts =>
    checked(KIND, name, component, (problems) => {
      checkExistingName(facts.name, problems);
      checkLocation(facts.location, problems);
      if (region !== undefined && isKnown(region)) checkRegion("region", region, problems);
      checkExistingCluster(facts, { datapathProvider, region }, problems);
      return facts;
    });
  const location = knownNow(args.location);
  const facts = check(
    {
      ...UNKNOWN_CLUSTER,
      name: knownNow(args.clusterName),
      location,
      region: typeof location === "string" ? regionOfLocation(location) : LATER,
      project: args.project === undefined ? LATER : knownNow(args.project),
    },
    args.region === undefined ? undefined : knownNow(args.region),
  );

  const { getClusterOutput } = gcp(KIND, "container/getCluster");
  const found = getClusterOutput(
    { name: args.clusterName, location: args.location, project: args.project },
    { parent: component },
  );
  const settled = pulumi
    .all([found, args.clusterName, args.location, args.region])
    .apply(([cluster, clusterName, place, region]) =>
      check(
        {
          name: clusterName,
          location: place,
          region: regionOf(place) ?? LATER,
          project: cluster.project ?? projectOf(cluster.id) ?? LATER,
          version: cluster.masterVersion,
          autopilot: cluster.enableAutopilot,
          dataplaneV2: cluster.datapathProvider === "ADVANCED_DATAPATH",
          // A provider that does not tell leaves it open.
          vpcNative: cluster.networkingMode === undefined ? LATER : cluster.networkingMode !== "ROUTES",
          gatewayApi: isGatewayApiOn(cluster.gatewayApiConfigs),
          multiNetworking: cluster.enableMultiNetworking,
          workloadPool: cluster.workloadIdentityConfigs?.[0]?.workloadPool ?? "",
          network: cluster.network,
          subnetwork: cluster.subnetwork,
          podCidr: cluster.clusterIpv4Cidr ?? LATER,
          serviceCidr: cluster.servicesIpv4Cidr ?? LATER,
        },
        region,
      ),
    );
  const kubeconfig = pulumi
    .all([found, settled])
    .apply(([{ endpoint, masterAuths }]) =>
      kubeconfigOf({ endpoint, caCertificate: masterAuths?.[0]?.clusterCaCertificate ?? "" }),
    );
  return { facts, settled, kubeconfig, id: found.apply(({ id }) => id) };
}

/** Of `projects/<project>/locations/<location>/clusters/<name>`; mocks may answer without an id. */
function projectOf(id: string | undefined): string | undefined {
  return id?.split("/")[1];
}

function isGatewayApiOn(configs: readonly { readonly channel: string }[] | undefined): boolean {
  const channel = configs?.[0]?.channel;
  return channel === "CHANNEL_STANDARD" || channel === "CHANNEL_EXPERIMENTAL";
}
