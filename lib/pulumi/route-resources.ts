// Registers the GKEIPRoutes of a plan.
import * as pulumi from "@pulumi/pulumi";

import { typedAddress } from "../model/address";
import { isKnown, LATER, type MaybeLater } from "../model/later";
import type { Problems } from "../model/problems";
import { FIXED_ROUTE_FIELDS, type RouteAddress, type RoutePlan } from "../model/route";
import { routeObject } from "../model/route-object";
import type { SelectorObject } from "../model/selector";
import { awaitedConditions, waitForExpression } from "../model/waiting";
import type { KubernetesObject } from "./declared-resources";
import { knownNow, nowOrLater, partOf } from "./inputs";
import { customResource } from "./kubernetes-resource";
import type { PersistentIpPool } from "./persistent-ip-pool";
import type { PodNetwork } from "./pod-network";
import { unreadyRouteHooks } from "./unready-route";

/** The name of a Pod network, or the network itself. */
export type NetworkReference = pulumi.Input<string> | PodNetwork;

/** How a deployment waits for routes. */
export interface RouteWaiting {
  /**
   * Whether the deployment waits until traffic flows: until the condition Ready of each route is True. A later change
   * is an update of an annotation of each route.
   *
   * @default true
   */
  waitUntilReady?: boolean | undefined;
  /**
   * How long it waits, in seconds, before the deployment fails and says which condition does not hold, and what to do. At
   * least 1.
   *
   * @default 300
   */
  readyTimeoutSeconds?: number | undefined;
}

const DEFAULT_READY_TIMEOUT_SECONDS = 300;

/** What is known of one route, and when. */
export interface RouteStages {
  /** While the program runs. */
  readonly now: RoutePlan;
  /** What the plan becomes; absent where nothing is to come. A program of literals then has fewer outputs to wait for. */
  readonly late?: LateStages;
}

/** What is known of one route later on. */
export interface LateStages {
  /** Once its place is known, its addresses perhaps not yet: so a preview shows where it goes. */
  readonly placed: pulumi.Output<RoutePlan>;
  /** With nothing left to come. */
  readonly complete: pulumi.Output<RoutePlan>;
}

/** The addresses of a route and the resources that it is. */
export interface RouteResources {
  readonly addresses: pulumi.Output<string>[];
  /** The same, plain where the program knows them: an output is registered at several times the price. */
  readonly registered: readonly pulumi.Input<string>[];
  readonly routes: KubernetesObject[];
}

/** Registers the routes of one plan below a component. */
export function routeResources(
  parent: pulumi.ComponentResource,
  pool: PersistentIpPool,
  stages: RouteStages,
  waiting: RouteWaiting,
  after: readonly unknown[],
): RouteResources {
  const plan = stages.now;
  // Only what is to come asks for it.
  const late = () => stages.late as LateStages;
  const later = (value: MaybeLater<string>, of: (plan: RoutePlan) => MaybeLater<string> | undefined) =>
    nowOrLater(value, () => partOf(late().placed, (known) => of(known) ?? LATER));
  const address = (index: number): pulumi.Input<string> =>
    nowOrLater(plan.addresses[index] ?? LATER, () =>
      partOf(late().complete, ({ addresses }) => addresses[index] ?? LATER),
    );

  const { provider } = pool.plan;
  const seconds = waiting.readyTimeoutSeconds ?? DEFAULT_READY_TIMEOUT_SECONDS;
  const conditions = awaitedConditions(plan, provider);
  const waits = waiting.waitUntilReady ?? true;
  const waitFor = waits ? waitForExpression(conditions) : undefined;
  const hooks = waits ? unreadyRouteHooks(parent, { provider, conditions, seconds }) : undefined;
  const { healthCheckName } = plan.fields;

  const routes = plan.parts.map((part) => {
    const manifest = routeObject<pulumi.Input<string>, pulumi.Input<SelectorObject<pulumi.Input<string>>>>(plan, part, {
      namespace: later(plan.namespace, (known) => known.namespace),
      gatewayNamespace: pool.namespace,
      network: later(plan.network, (known) => known.network),
      podSelector: selectorInput(plan, () => late().placed),
      cidrs: part.indexes.map((index) => cidrOf(address(index))),
      ...(healthCheckName === undefined
        ? {}
        : { healthCheckName: later(healthCheckName, (known) => known.fields.healthCheckName) }),
    });
    const gateway = pool.gateways[pool.plan.gateways.indexOf(part.gateway)];
    const dependsOn = [...(gateway === undefined ? [] : [gateway]), ...after.filter(isResource)];
    const resourceOptions: pulumi.CustomResourceOptions = {
      parent,
      dependsOn,
      replaceOnChanges: [...FIXED_ROUTE_FIELDS],
      deleteBeforeReplace: true,
      ...(waits ? { customTimeouts: { create: `${seconds}s`, update: `${seconds}s` } } : {}),
      ...(hooks === undefined ? {} : { hooks }),
    };
    return customResource(part.name, manifest, resourceOptions, waitFor);
  });
  const registered = plan.addresses.map((_, index) => address(index));
  return { addresses: registered.map((value) => pulumi.output(value)), registered, routes };
}

function selectorInput(
  plan: RoutePlan,
  placed: () => pulumi.Output<RoutePlan>,
): pulumi.Input<SelectorObject<pulumi.Input<string>>> {
  const { podSelector } = plan;
  if (!isKnown(podSelector))
    return partOf(placed(), (known) => known.podSelector as MaybeLater<SelectorObject<string>>);
  const { matchLabels, ...rest } = podSelector;
  if (matchLabels === undefined) return rest;
  const labels = Object.entries(matchLabels).map(([key, value]): [string, pulumi.Input<string>] => [
    key,
    nowOrLater(value, () =>
      partOf(placed(), (known) => (isKnown(known.podSelector) ? known.podSelector.matchLabels?.[key] : LATER) ?? LATER),
    ),
  ]);
  return { matchLabels: Object.fromEntries(labels), ...rest };
}

/** Where the program shows the position in the pool: the entry of `pool.addresses`, or what the pool was given. */
export function addressNow(pool: PersistentIpPool, address: pulumi.Input<string>): RouteAddress {
  const position = pool.positions.get(address);
  if (position === undefined) return { value: knownNow(address) };
  return { value: pool.plan.addresses[position] ?? LATER, position };
}

/** The name of a network. */
export function networkName(reference: NetworkReference | undefined): pulumi.Input<string> | undefined {
  return isResource(reference)
    ? (reference as PodNetwork).networkName
    : (reference as pulumi.Input<string> | undefined);
}

/** Whether this is a resource, which what needs it can wait for. */
export function isResource(value: unknown): value is pulumi.Resource {
  return pulumi.Resource.isInstance(value);
}

function cidrOf(address: pulumi.Input<string>): pulumi.Input<string> {
  const now = knownNow(address);
  return isKnown(now) ? typedAddress(now).value : pulumi.output(address).apply((known) => typedAddress(known).value);
}

/** Checks how long a deployment waits. */
export function checkTimeout({ readyTimeoutSeconds: seconds }: RouteWaiting, problems: Problems): void {
  if (seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 1)) return;
  problems.add("readyTimeoutSeconds", seconds, "use a whole number of seconds from 1");
}
