// The fields of a route beyond who, where and when: load balancing, HA policy, fast failover, global access.
import { AddressType, classMeaning, PoolMode, Provider } from "./classes";
import { isKnown, type MaybeLater } from "./later";
import { isDnsLabel } from "./names";
import type { PoolPlan } from "./pool";
import { checkLoadBalancingVersion } from "./pool-cluster";
import type { Problems } from "./problems";
import { checkExpressions, type LabelExpression, selectorOfParts, type SelectorObject } from "./selector";

/** Fields of GKE's route that only its own controller heeds. */
export interface GkeRouteOptions {
  /**
   * Whether Google Cloud steers the packets by the HA policy of a backend service. GKE's own provider only; not with a
   * class of fast failover, and not with `healthCheckName`. Fixed after creation: a change replaces the route.
   *
   * @default - left to GKE
   */
  haPolicy?: boolean | undefined;
  /**
   * Labels of the nodes on which Google Cloud listens for the gratuitous ARP that moves an address, all of which must
   * match. Needed with the two classes `gke-persistent-fast-…`, and only there. A later change updates the route in
   * place.
   *
   * @default - none
   */
  nodeSelector?: Record<string, string> | undefined;
  /**
   * Further conditions on the labels of those nodes. A later change updates the route in place.
   *
   * @default - none
   */
  nodeSelectorExpressions?: LabelExpression[] | undefined;
  /**
   * Whether clients in other regions reach the addresses. Internal addresses on GKE's own provider only. A later change
   * updates the route in place.
   *
   * @default - left to GKE, which then admits clients of the region
   */
  allowGlobalAccess?: boolean | undefined;
}

/** The same as it stands in the route. */
export interface GkeRouteFields {
  /** Present in load-balancing mode. */
  readonly healthCheckName?: MaybeLater<string>;
  readonly haPolicy?: boolean;
  readonly nodeSelector?: SelectorObject<string>;
  readonly allowGlobalAccess?: boolean;
}

/** Whether a class moves addresses by gratuitous ARP. */
function isFastClass(className: string): boolean {
  return classMeaning(className)?.mode === PoolMode.FastFailover;
}

/** Whether every address of the class is reachable from the internet. Nothing is known of a class of one's own. */
function isExternalClass(className: string): boolean {
  return classMeaning(className)?.addressType === AddressType.External;
}

/** Checks the fields and gives those that the route has. */
export function checkGkeFields(
  options: GkeRouteOptions & { readonly healthCheckName?: MaybeLater<string> },
  pool: PoolPlan,
  problems: Problems,
): GkeRouteFields {
  const { healthCheckName, haPolicy, nodeSelector, nodeSelectorExpressions, allowGlobalAccess } = options;
  if (pool.provider === Provider.Podpin) {
    const given = { healthCheckName, haPolicy, nodeSelector, nodeSelectorExpressions, allowGlobalAccess };
    for (const [field, value] of Object.entries(given)) {
      if (value === undefined) continue;
      problems.add(
        field,
        isKnown(value) ? value : "a value that is not known yet",
        `podpin's controller has no such setting: leave ${field} out, or make pool "${pool.name}" without a controller to use GKE's own`,
      );
    }
    return {};
  }
  const className = pool.gateways[0]?.className ?? "";
  if (healthCheckName !== undefined && isKnown(healthCheckName) && !isDnsLabel(healthCheckName)) {
    problems.add(
      "healthCheckName",
      healthCheckName,
      "use the name alone of a regional health check in the project and region of the cluster, for example healthCheck.name",
    );
  }
  if (healthCheckName === undefined && pool.isModeGiven && pool.mode === PoolMode.LoadBalancing) {
    problems.add(
      "healthCheckName",
      undefined,
      `pool "${pool.name}" is for load balancing, in which a regional health check says which Pods get packets: pass its name, for example healthCheck.name`,
    );
  }
  if (healthCheckName !== undefined && pool.mode !== PoolMode.LoadBalancing && pool.cluster !== undefined) {
    checkLoadBalancingVersion(pool.cluster, problems);
  }
  if (haPolicy !== undefined && isFastClass(className)) {
    problems.add("haPolicy", haPolicy, `class "${className}" moves addresses by gratuitous ARP: leave haPolicy out`);
  }
  if (haPolicy !== undefined && healthCheckName !== undefined) {
    problems.add("haPolicy", haPolicy, "GKE takes either haPolicy or healthCheckName: leave one of the two out");
  }
  checkNodeSelector(options, className, problems);
  if (allowGlobalAccess !== undefined && isExternalClass(className)) {
    problems.add(
      "allowGlobalAccess",
      allowGlobalAccess,
      `the addresses of pool "${pool.name}" are external, and clients reach those from everywhere: leave it out`,
    );
  }
  const selector = selectorOfParts(nodeSelector, nodeSelectorExpressions);
  return {
    ...(healthCheckName === undefined ? {} : { healthCheckName }),
    ...(haPolicy === undefined ? {} : { haPolicy }),
    ...(selector === undefined ? {} : { nodeSelector: selector }),
    ...(allowGlobalAccess === undefined ? {} : { allowGlobalAccess }),
  };
}

function checkNodeSelector(options: GkeRouteOptions, className: string, problems: Problems): void {
  const { nodeSelector, nodeSelectorExpressions } = options;
  const given = nodeSelector ?? nodeSelectorExpressions;
  if (given === undefined) {
    if (isFastClass(className)) {
      problems.add(
        "nodeSelector",
        undefined,
        `class "${className}" needs the labels of the nodes that may have the addresses, for example { "cloud.google.com/gke-nodepool": "edge" }`,
      );
    }
    return;
  }
  if (!isFastClass(className)) {
    const field = nodeSelector === undefined ? "nodeSelectorExpressions" : "nodeSelector";
    problems.add(
      field,
      given,
      'it counts only with a class of fast failover: leave it out, or set mode: "fast-failover" on the pool',
    );
  }
  checkExpressions(
    "nodeSelector",
    nodeSelector,
    nodeSelectorExpressions,
    "no labels match every node, name at least one label of the nodes",
    problems,
  );
}
