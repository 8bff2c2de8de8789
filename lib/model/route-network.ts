// Whether the network of a route fits its pool (GKE docs, "Control communication with persistent IP addresses" and "About
// persistent IP addresses for Pods", read 2026-11).
import { classMeaning, PoolMode, Provider } from "./classes";
import { DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK } from "./gke-api";
import { nameOf } from "./gke-names";
import { isKnown, type MaybeLater } from "./later";
import { PodNetworkType } from "./pod-network";
import type { PoolPlan } from "./pool";
import type { Problems } from "./problems";

/** What a route knows of its network where the program declares that as well. */
export interface RouteNetwork {
  readonly type: PodNetworkType;
  readonly subnetwork?: MaybeLater<string>;
}

/** Checks that the addresses of the pool can arrive on the network. */
export function checkRouteNetwork(
  { pool, podNetwork }: { readonly pool: PoolPlan; readonly podNetwork?: RouteNetwork },
  network: MaybeLater<string>,
  problems: Problems,
): void {
  if (!isKnown(network)) return;
  const isDefault = network === DEFAULT_NETWORK || network === LEGACY_DEFAULT_NETWORK;
  const { cluster } = pool;
  if (!isDefault && cluster?.multiNetworking === false) {
    const name = isKnown(cluster.name) ? `cluster "${cluster.name}"` : "the cluster";
    problems.add(
      "network",
      network,
      `${name} has one network: create it with enableMultiNetworking: true, or leave network out`,
    );
  }
  const className = pool.gateways[0]?.className ?? "";
  const type = isDefault ? PodNetworkType.L3 : podNetwork?.type;
  if (classMeaning(className)?.mode === PoolMode.FastFailover && type === PodNetworkType.L3) {
    problems.add(
      "network",
      network,
      `class "${className}" is for networks of type Device: pass a PodNetwork of that type`,
    );
  }
  if (pool.provider === Provider.Podpin && type === PodNetworkType.Device) {
    problems.add(
      "network",
      network,
      "it is of type Device, whose card a Pod has to itself, and podpin has no way into it: use a network of type L3, or on GKE leave the controller of the pool out",
    );
  }
  const { subnetwork: reserved } = pool;
  const subnetwork = isDefault ? cluster?.subnetwork : podNetwork?.subnetwork;
  if (reserved === undefined || subnetwork === undefined || !isKnown(reserved) || !isKnown(subnetwork)) return;
  if (subnetwork === "" || nameOf(reserved) === nameOf(subnetwork)) return;
  problems.add(
    "network",
    network,
    `it is on subnetwork "${nameOf(subnetwork)}", and the addresses of pool "${pool.name}" are from "${nameOf(reserved)}": use a pool with subnetwork: "${nameOf(subnetwork)}"`,
  );
}
