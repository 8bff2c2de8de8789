import { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { typedAddress } from "../model/address";
import { planRoute, type RouteOptions, routeObject } from "../model/route";
import type { StatefulSetFacts } from "../model/workload";
import { checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";

/** The name of a StatefulSet, or the StatefulSet itself. */
export type StatefulSetReference = string | ApiObject;

/** What a {@link PinnedPodRoute} takes. */
export interface PinnedPodRouteProps extends RouteOptions {
  /** The pool that has the addresses. Fixed after creation. */
  readonly pool: PersistentIpPool;
  /**
   * The addresses that go to the Pod: entries of `pool.addresses`, or literals that the pool lists. A later change takes
   * effect at once; addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  readonly addresses?: string[];
  /**
   * Namespace of the Pods and of the route. Fixed after creation.
   *
   * @default - the namespace of `statefulSet` where that is an object, else "default"
   */
  readonly namespace?: string;
  /**
   * The StatefulSet of the Pod, with `ordinal`: its name, or the object itself; `ApiObject.of(set)` gives it for a
   * higher-level construct. With the object the route comes after it, takes its namespace, and checks `ordinal` against
   * its replicas.
   *
   * @default - none; required without `podSelector`
   */
  readonly statefulSet?: StatefulSetReference;
  /**
   * Name of the `Network` whose Pod interface receives the packets. `default` is the primary one. Fixed after creation:
   * delete the route before you apply a change.
   *
   * @default "default"
   */
  readonly network?: string;
}

/**
 * Pins addresses of a pool to a Pod: they go to the newest eligible Pod that the selector finds and follow it from node
 * to node.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedPodRoute extends Construct {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: string[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the id of the
   * construct as name, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: ApiObject[];

  constructor(scope: Construct, id: string, props: PinnedPodRouteProps) {
    super(scope, id);

    const { pool, ordinal, podSelector, reactionMode, delivery, namespace, network, statefulSet } = props;
    const options: RouteOptions = { ordinal, podSelector, reactionMode, delivery };
    const plan = checked("PinnedPodRoute", id, (problems) =>
      planRoute(
        {
          ...options,
          name: id,
          pool: pool.plan,
          claims: pool.claims,
          namespace,
          network,
          statefulSet: statefulSetFacts(statefulSet),
          addresses: props.addresses?.map((value) => ({ value })),
        },
        problems,
      ),
    );
    for (const position of plan.positions) pool.claims.set(position, id);

    // Every value is a literal here, so none is left to come.
    this.addresses = plan.addresses as string[];
    this.routes = plan.parts.map((part, index) => {
      const manifest = routeObject(plan, part, {
        namespace: plan.namespace as string,
        gatewayNamespace: pool.plan.namespace as string,
        network: plan.network as string,
        matchLabels: plan.matchLabels as Record<string, string>,
        cidrs: part.indexes.map((at) => typedAddress(this.addresses[at] ?? "").value),
      });
      const object = kubernetesObject(this, index === 0 ? "Resource" : `Resource-${index + 1}`, manifest);
      object.addDependency(...pool.gateways);
      if (ApiObject.isApiObject(statefulSet)) object.addDependency(statefulSet as ApiObject);
      return object;
    });
  }
}

function statefulSetFacts(reference: StatefulSetReference | undefined): StatefulSetFacts | undefined {
  if (reference === undefined) return undefined;
  if (!ApiObject.isApiObject(reference)) return { name: reference as string };
  const { name, metadata } = reference as ApiObject;
  const { spec } = (reference as ApiObject).toJson() as {
    spec?: { replicas?: number; ordinals?: { start?: number } };
  };
  return {
    name,
    namespace: metadata.namespace ?? "default",
    replicas: spec?.replicas,
    firstOrdinal: spec?.ordinals?.start,
  };
}
