// The flags of `podpin controller`, read and checked before anything is started.
import { parseArgs } from "node:util";
import { isIPv4Cidr } from "../../../lib/model/address";
import { quotedList } from "../../../lib/model/choices";
import { GoogleCloudDriver, isComputeEndpoint } from "../../../lib/model/google-cloud";
import { Flag } from "../../../lib/model/runtime";
import type { GoogleCloudSettings } from "../fabric/gce/make";

export interface ControllerFlags {
  readonly installGkeApi: boolean;
  readonly clusterCidrs: readonly string[];
  /** Given where the controller leads packets on Google Cloud. */
  readonly googleCloud?: GoogleCloudFlags;
}

export interface GoogleCloudFlags extends GoogleCloudSettings {
  readonly replaceLostPods: boolean;
}

/** A flag's name without its dashes, as the parser wants it. */
const name = (flag: string): string => flag.replace(/^--/, "");

/** Throws one error that says everything that is wrong. */
export function readFlags(args: readonly string[]): ControllerFlags {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      [name(Flag.InstallGkeApi)]: { type: "boolean" },
      [name(Flag.ClusterCidr)]: { ...text, multiple: true },
      [name(Flag.GoogleCloud)]: text,
      [name(Flag.GoogleCloudProject)]: text,
      [name(Flag.GoogleCloudHostProject)]: text,
      [name(Flag.GoogleCloudEndpoint)]: text,
      [name(Flag.GoogleCloudFirewallSource)]: { ...text, multiple: true },
      [name(Flag.GoogleCloudFirewallTag)]: { ...text, multiple: true },
      [name(Flag.ReplaceLostPods)]: { type: "boolean" },
    },
  });
  const one = (flag: string): string | undefined => values[name(flag)] as string | undefined;
  const many = (flag: string): readonly string[] => (values[name(flag)] ?? []) as string[];
  const problems: string[] = [];
  const clusterCidrs = checkedRanges(Flag.ClusterCidr, many(Flag.ClusterCidr), problems);
  const firewallSources = checkedRanges(Flag.GoogleCloudFirewallSource, many(Flag.GoogleCloudFirewallSource), problems);
  const driver = one(Flag.GoogleCloud);
  const known = Object.values(GoogleCloudDriver).find((choice) => choice === driver);
  const project = one(Flag.GoogleCloudProject);
  const hostProject = one(Flag.GoogleCloudHostProject);
  const endpoint = one(Flag.GoogleCloudEndpoint);
  const projects = [Flag.GoogleCloudProject, Flag.GoogleCloudHostProject];
  const of = [...projects, Flag.GoogleCloudEndpoint, Flag.GoogleCloudFirewallSource];
  if (driver === undefined) {
    const others = [...of, Flag.GoogleCloudFirewallTag, Flag.ReplaceLostPods].filter((flag) => name(flag) in values);
    if (others.length > 0) problems.push(`${Flag.GoogleCloud}: got nothing; ${others.join(", ")} need it`);
  } else if (known === undefined) {
    problems.push(`${Flag.GoogleCloud}: got "${driver}"; use ${quotedList(Object.values(GoogleCloudDriver))}`);
  }
  if (driver !== undefined && (project === undefined || project === "")) {
    problems.push(`${Flag.GoogleCloudProject}: got nothing; use the id of the project that has the addresses`);
  }
  if (hostProject === "") {
    problems.push(
      `${Flag.GoogleCloudHostProject}: got nothing; use the id of the Shared VPC's host project, or leave it out`,
    );
  }
  if (endpoint !== undefined && !isComputeEndpoint(endpoint)) {
    const example = "https://compute.googleapis.com/compute/v1/";
    problems.push(
      `${Flag.GoogleCloudEndpoint}: got ${endpoint}; use a URL that ends with /compute/v1/, such as ${example}`,
    );
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const flags = { installGkeApi: values[name(Flag.InstallGkeApi)] === true, clusterCidrs };
  if (known === undefined || project === undefined) return flags;
  const firewallTags = many(Flag.GoogleCloudFirewallTag);
  const replaceLostPods = values[name(Flag.ReplaceLostPods)] === true;
  return {
    ...flags,
    googleCloud: { driver: known, project, hostProject, endpoint, firewallSources, firewallTags, replaceLostPods },
  };
}

function checkedRanges(flag: string, ranges: readonly string[], problems: string[]): readonly string[] {
  const wrong = ranges.filter((cidr) => !isIPv4Cidr(cidr));
  if (wrong.length > 0) problems.push(`${flag}: got ${wrong.join(", ")}; use IPv4 ranges such as 10.0.0.0/8`);
  return ranges;
}
