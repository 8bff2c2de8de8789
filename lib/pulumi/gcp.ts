// `@pulumi/gcp` is a large peer that pools of literals and clusters outside Google Cloud do without, so that it is
// loaded where a program first declares something in Google Cloud.
import type * as address from "@pulumi/gcp/compute/address";
import type * as firewall from "@pulumi/gcp/compute/firewall";
import type * as publicAdvertisedPrefix from "@pulumi/gcp/compute/publicAdvertisedPrefix";
import type * as publicDelegatedPrefix from "@pulumi/gcp/compute/publicDelegatedPrefix";
import type * as regionHealthCheck from "@pulumi/gcp/compute/regionHealthCheck";
import type * as containerCluster from "@pulumi/gcp/container/cluster";
import type * as containerGetCluster from "@pulumi/gcp/container/getCluster";
import type * as containerNodePool from "@pulumi/gcp/container/nodePool";
import type * as iamCustomRole from "@pulumi/gcp/projects/iamcustomRole";
import type * as iamMember from "@pulumi/gcp/projects/iammember";

import { requirePeers } from "../peers";

interface Leaves {
  "compute/address": typeof address;
  "compute/firewall": typeof firewall;
  "compute/publicAdvertisedPrefix": typeof publicAdvertisedPrefix;
  "compute/publicDelegatedPrefix": typeof publicDelegatedPrefix;
  "compute/regionHealthCheck": typeof regionHealthCheck;
  "container/cluster": typeof containerCluster;
  "container/getCluster": typeof containerGetCluster;
  "container/nodePool": typeof containerNodePool;
  "projects/iamcustomRole": typeof iamCustomRole;
  "projects/iammember": typeof iamMember;
}

/**
 * One file of `@pulumi/gcp`.
 *
 * @param component who needs it, for the message where it is not installed
 */
export function gcp<Leaf extends keyof Leaves>(component: string, leaf: Leaf): Leaves[Leaf] {
  requirePeers(component, ["@pulumi/gcp"], require.resolve);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it for everybody
  return require(`@pulumi/gcp/${leaf}`) as Leaves[Leaf];
}
