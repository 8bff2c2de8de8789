import * as pulumi from "@pulumi/pulumi";
import type { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";

import { typedAddress } from "../model/address";
import { RouteCondition } from "../model/gke-api";
import { isKnown, LATER, type MaybeLater } from "../model/later";
import {
  FIXED_ROUTE_FIELDS,
  planRoute,
  type RouteAddress,
  type RouteInput,
  type RouteOptions,
  type RoutePlan,
  routeObject,
} from "../model/route";
import type { Problems } from "../model/problems";
import type { PoolPlan } from "../model/pool";
import { checked, knownNow, nowOrLater } from "./inputs";
import { customResource } from "./kubernetes-resource";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { statefulSetLater, statefulSetNow, type StatefulSetReference } from "./stateful-set";

/** What a {@link PinnedPodRoute} takes. */
export interface PinnedPodRouteArgs extends RouteOptions {
  /** The pool that has the addresses. Fixed after creation: a change replaces the route. */
  pool: PersistentIpPool;
  /**
   * The addresses that go to the Pod: entries of `pool.addresses`, or literals that the pool lists. A later change takes
   * effect at once; addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  addresses?: pulumi.Input<string>[];
  /**
   * Namespace of the Pods and of the route. Fixed after creation: a change replaces the route.
   *
   * @default - the namespace of `statefulSet` where that is a resource, else "default"
   */
  namespace?: pulumi.Input<string>;
  /**
   * The StatefulSet of the Pod, with `ordinal`: its name, or the resource itself. With the resource the route waits for
   * it, takes its namespace, and checks `ordinal` against its replicas; where an autoscaler sets those, pass the name.
   *
   * @default - none; required without `podSelector`
   */
  statefulSet?: StatefulSetReference;
  /**
   * Name of the `Network` whose Pod interface receives the packets. `default` is the primary one. Fixed after creation:
   * a change replaces the route, and traffic stops until the new one is Ready.
   *
   * @default "default"
   */
  network?: pulumi.Input<string>;
  /**
   * Whether the deployment waits until traffic flows: until the route's condition Ready is True.
   *
   * @default true
   */
  waitUntilReady?: boolean;
  /**
   * How long it waits, in seconds, before the deployment fails. At least 1.
   *
   * @default 300
   */
  readyTimeoutSeconds?: number;
}

const DEFAULT_READY_TIMEOUT_SECONDS = 300;

/**
 * Pins addresses of a pool to a Pod: they go to the newest eligible Pod that the selector finds and follow it from node
 * to node.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedPodRoute extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: pulumi.Output<string>[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the name of the
   * component, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: CustomResource[];

  constructor(name: string, args: PinnedPodRouteArgs, opts?: pulumi.ComponentResourceOptions) {
    super("podpin:index:PinnedPodRoute", name, {}, opts);

    const { pool, ordinal, podSelector, reactionMode, delivery } = args;
    const options: RouteOptions = { ordinal, podSelector, reactionMode, delivery };
    const inputs = {
      namespace: args.namespace,
      network: args.network,
      statefulSet: statefulSetLater(args.statefulSet),
    };
    const now: Known = {
      pool: pool.plan,
      namespace: knownNow(inputs.namespace),
      network: knownNow(inputs.network),
      statefulSet: statefulSetNow(args.statefulSet),
      addresses: args.addresses?.map((address) => addressNow(pool, address)),
    };
    const planWith = (known: Known): RoutePlan =>
      checked("PinnedPodRoute", name, this, (problems) => {
        const planned = planRoute({ ...options, ...known, name, claims: pool.claims }, problems);
        checkTimeout(args.readyTimeoutSeconds, problems);
        return planned;
      });
    const plan = planWith(now);
    for (const position of plan.positions) pool.claims.set(position, name);

    // Two steps, so that a preview shows where a route goes even while its addresses are still to come.
    const placed = pulumi.output(inputs).apply((place) => planWith({ ...now, ...place }));
    const settled = pulumi
      .output({ place: inputs, pool: pool.settled, addresses: args.addresses })
      .apply(({ place, pool: poolPlan, addresses }) => {
        const found = addresses?.map((value, index) => ({ value, position: now.addresses?.[index]?.position }));
        return planWith({ ...place, pool: poolPlan as PoolPlan, addresses: found });
      });

    const later = (value: MaybeLater<string>, of: (plan: RoutePlan) => MaybeLater<string> | undefined) =>
      nowOrLater(value, () => placed.apply((known) => of(known) as string));
    const matchLabels = Object.fromEntries(
      Object.entries(plan.matchLabels).map(([key, value]) => [key, later(value, (known) => known.matchLabels[key])]),
    );
    const address = (index: number): pulumi.Input<string> =>
      nowOrLater(plan.addresses[index] ?? LATER, () => settled.apply(({ addresses }) => addresses[index] as string));

    const timeout = `${args.readyTimeoutSeconds ?? DEFAULT_READY_TIMEOUT_SECONDS}s`;
    const waitFor = (args.waitUntilReady ?? true) ? `condition=${RouteCondition.Ready}` : undefined;
    const dependsOn: pulumi.Resource[] = [...pool.gateways];
    if (pulumi.Resource.isInstance(args.statefulSet)) dependsOn.push(args.statefulSet);

    this.addresses = plan.addresses.map((_, index) => pulumi.output(address(index)));
    this.routes = plan.parts.map((part) => {
      const manifest = routeObject<pulumi.Input<string>>(plan, part, {
        namespace: later(plan.namespace, (known) => known.namespace),
        gatewayNamespace: pool.namespace,
        network: later(plan.network, (known) => known.network),
        matchLabels,
        cidrs: part.indexes.map((index) => cidrOf(address(index))),
      });
      const resourceOptions: pulumi.CustomResourceOptions = {
        parent: this,
        dependsOn,
        replaceOnChanges: [...FIXED_ROUTE_FIELDS],
        deleteBeforeReplace: true,
        ...(waitFor === undefined ? {} : { customTimeouts: { create: timeout, update: timeout } }),
      };
      return customResource(part.name, manifest, resourceOptions, waitFor);
    });
    this.registerOutputs({ addresses: this.addresses });
  }
}

/** The inputs of a route that may come from other resources. */
type Known = Pick<RouteInput, "pool" | "namespace" | "network" | "statefulSet" | "addresses">;

/** Where the program shows the position in the pool: the entry of `pool.addresses`, or what the pool was given. */
function addressNow(pool: PersistentIpPool, address: pulumi.Input<string>): RouteAddress {
  const position = pool.handles.findIndex((handles) => handles.includes(address));
  if (position === -1) return { value: knownNow(address) };
  return { value: pool.plan.addresses[position] ?? LATER, position };
}

function cidrOf(address: pulumi.Input<string>): pulumi.Input<string> {
  const now = knownNow(address);
  return isKnown(now) ? typedAddress(now).value : pulumi.output(address).apply((known) => typedAddress(known).value);
}

function checkTimeout(seconds: number | undefined, problems: Problems): void {
  if (seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 1)) return;
  problems.add("readyTimeoutSeconds", seconds, "use a whole number of seconds from 1");
}
