// What GKE's own controller needs of a cluster beyond what every cluster of persistent addresses has.
import { PoolMode } from "./classes";
import { type ClusterFacts, isAtLeast, isCertainlyBelow } from "./cluster-facts";
import { isKnown } from "./later";
import type { Problems } from "./problems";

/** GKE docs, "Configure health-check-based load balancing", read 2026-11. */
const MIN_LOAD_BALANCING_VERSION = "1.32.3-gke.1440000";

/** Checks that GKE's own controller serves pools of this mode on the cluster. */
export function checkGkeServes(cluster: ClusterFacts, mode: PoolMode, problems: Problems): void {
  const { dataplaneV2 } = cluster;
  const name = isKnown(cluster.name) ? cluster.name : "a cluster whose name is not known yet";
  if (dataplaneV2 === false) {
    problems.add(
      "cluster",
      name,
      "it has no Dataplane V2, which GKE's own controller needs: use a cluster that has, or pass a controller",
    );
  }
  if (mode === PoolMode.LoadBalancing) checkLoadBalancingVersion(cluster, problems);
}

/** Checks that GKE has load balancing on the cluster, or will have it on one that is to be made. */
export function checkLoadBalancingVersion(cluster: ClusterFacts, problems: Problems): void {
  const { version, askedVersion } = cluster;
  const name = isKnown(cluster.name) ? cluster.name : "a cluster whose name is not known yet";
  if (isKnown(version)) {
    if (isAtLeast(version, MIN_LOAD_BALANCING_VERSION)) return;
    problems.add(
      "cluster",
      name,
      `it has version "${version}", and GKE has load balancing from ${MIN_LOAD_BALANCING_VERSION} on: upgrade it first`,
    );
  } else if (askedVersion !== undefined && isKnown(askedVersion)) {
    if (!isCertainlyBelow(askedVersion, MIN_LOAD_BALANCING_VERSION)) return;
    problems.add(
      "cluster",
      name,
      `it is made with version "${askedVersion}", and GKE has load balancing from ${MIN_LOAD_BALANCING_VERSION} on: raise its minMasterVersion to that, or leave it out`,
    );
  }
}
