import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import {
  pinnedStatefulSetSubject,
  type PinnedStatefulSetOptions,
  planPinnedStatefulSet,
} from "../model/pinned-stateful-set";
import { noteRoute } from "../model/route";
import { checkProperties, checked, routeNamespace } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { amongOthers } from "./program";
import { networkName, type NetworkReference, routeNetwork, routeObjects } from "./route-objects";
import { statefulSetFacts, type StatefulSetReference } from "./stateful-set";

/** What a {@link PinnedStatefulSet} takes. */
export interface PinnedStatefulSetProps extends PinnedStatefulSetOptions {
  /** The pool that has the addresses. Fixed after creation. */
  readonly pool: PersistentIpPool;
  /**
   * The StatefulSet: the object itself (`ApiObject.of(set)` gives it for a higher-level construct), or its name together
   * with `replicas`. With the object the routes come after it and take its namespace, and its replicas, its first ordinal
   * and its Pod template are used and checked.
   */
  readonly statefulSet: StatefulSetReference;
  /**
   * Namespace of the Pods and of the routes. Fixed after creation.
   *
   * @default - the namespace of `statefulSet` where that is an object, else that of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, after which the routes come then.
   * `default` is the primary one. Fixed after creation: delete the routes before you apply a change.
   *
   * @default "default"
   */
  readonly network?: NetworkReference | undefined;
}

/**
 * Gives every Pod of a StatefulSet addresses of its own: Pod i has the i-th address of the pool, or the i-th group of
 * `addressesPerPod`, and keeps it wherever it runs. More replicas and a larger pool move no address.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedStatefulSet extends Construct {
  /** The addresses, `a.b.c.d`, in the order of the Pods; with `addressesPerPod` those of a Pod stand together. */
  public readonly addresses: string[];
  /** The GKEIPRoutes, named `<id>-<ordinal>`, in the order of the Pods. */
  public readonly routes: ApiObject[];

  constructor(scope: Construct, id: string, props: PinnedStatefulSetProps) {
    props = checkProperties("PinnedStatefulSet", id, props);
    super(scope, id);

    const { pool, network, statefulSet, ...options } = props;
    const subject = pinnedStatefulSetSubject(id);
    const program = amongOthers(this, subject, pool.cluster);
    const { pods } = checked("PinnedStatefulSet", id, (problems) =>
      planPinnedStatefulSet(
        {
          ...options,
          name: id,
          namespace: routeNamespace(this, options.namespace, statefulSet),
          pool: pool.plan,
          claims: pool.claims,
          network: networkName(network),
          podNetwork: routeNetwork(network),
          others: program,
          statefulSet: statefulSetFacts(statefulSet),
        },
        problems,
      ),
    );
    for (const { positions, route } of pods) {
      for (const position of positions) pool.claims.set(position, route.claim);
      noteRoute(program, route);
    }
    // Every value is a literal here, so none is left to come.
    this.addresses = pods.flatMap(({ route }) => route.addresses as readonly string[]);
    this.routes = pods.flatMap(({ ordinal, route }) =>
      routeObjects(this, `Pod-${ordinal}`, pool, route, [statefulSet, network]),
    );
  }
}
