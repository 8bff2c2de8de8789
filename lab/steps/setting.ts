// What differs between the lab's two fabrics: which example runs, what its route is, and how the how-to's YAML reads there.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { addressToNumber } from "../../lib/model/address";
import { PODPIN_EXTERNAL_CLASS } from "../../lib/model/classes";
import { PROJECT, REGION } from "../cluster/plan";
import type { Stack } from "../pulumi/engine";
import type { LabCloud } from "../vpc/start";

export const LabFabric = { L2: "l2", Gce: "gce" } as const;
export type LabFabric = (typeof LabFabric)[keyof typeof LabFabric];

export interface Setting {
  readonly fabric: LabFabric;
  /** Folder below `examples`. */
  readonly example: string;
  readonly config: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly route: string;
  /** The one that has the route's addresses. */
  readonly pod: string;
  /** The route's addresses, the lowest first; on Google Cloud they are known once `pulumi up` has ended. */
  addresses(stack: Stack): Promise<readonly [string, string]>;
  /** Those of the how-to's YAML. */
  readonly howToAddresses: readonly [string, string];
  /** A file of the how-to. */
  yaml(name: string): string;
}

const HOW_TO = join(__dirname, "../howto");
const ADDRESSES = ["198.51.100.10", "198.51.100.11"] as const;
/** Where the example lives: the how-to's YAML, applied later, has the example's default names. */
const NAMESPACE = "edge";

const yaml = (name: string): string => readFileSync(join(HOW_TO, `${name}.yaml`), "utf8");

export function l2Setting(podpinImage: string): Setting {
  return {
    fabric: LabFabric.L2,
    example: "proxy-ss",
    config: { podpinImage, namespace: NAMESPACE, addresses: JSON.stringify(ADDRESSES) },
    namespace: NAMESPACE,
    route: "my-pod-ips",
    pod: "proxy-ss-1",
    addresses: async () => ADDRESSES,
    howToAddresses: ["198.51.100.20", "198.51.100.21"],
    yaml,
  };
}

export function gceSetting(podpinImage: string, cloud: LabCloud): Setting {
  let known: readonly [string, string] | undefined;
  return {
    fabric: LabFabric.Gce,
    example: "whole-stack",
    config: {
      podpinImage,
      "gcp:project": PROJECT,
      "gcp:region": REGION,
      googleCloudEndpoint: cloud.compute,
      deletionProtection: "false",
      protectAddresses: "false",
    },
    namespace: NAMESPACE,
    route: "proxy",
    pod: "proxy-0",
    async addresses(stack) {
      if (known !== undefined) return known;
      const [, , ...own] = (await stack.outputs())["allowList"] as readonly string[];
      const [lowest, other] = own.toSorted((left, right) => addressToNumber(left) - addressToNumber(right));
      if (lowest === undefined || other === undefined) throw new Error("the example's allowList has no four addresses");
      return (known = [lowest, other]);
    },
    howToAddresses: ["203.0.113.20", "203.0.113.21"],
    // On GKE the how-to's class is Google's own; the same pool is podpin's by podpin's class.
    yaml: (name) =>
      yaml(name)
        .replaceAll("198.51.100.", "203.0.113.")
        .replaceAll("gke-persistent-regional-external-managed", PODPIN_EXTERNAL_CLASS),
  };
}
