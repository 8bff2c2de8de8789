// Why a route is not ready when a deployment stops waiting for it: the Kubernetes provider says only that time is up, so the
// route is read once more, through the same provider, and its conditions are told.
import { AsyncResource } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";

import type { Provider } from "../model/classes";
import type { Condition } from "../model/kubernetes";
import { unreadyRoute } from "../model/waiting";

/** What the deployment waits for. */
export interface Awaited {
  readonly provider: Provider;
  readonly conditions: readonly string[];
  readonly seconds: number;
}

/** What `wait` of the Kubernetes provider, and of Kubernetes itself, says when time is up. */
const TIME_IS_UP = /timed out/;

/**
 * How long the route may take to be read. A deployment that has as many routes to wait for as it does things at a time
 * has none left to read with: it then ends this much later, and says where to look instead.
 */
const READ_WITHIN_MS = 5000;

/** Reads that are under way: the first route that fails ends the deployment, and would end them too. */
const underWay = new Set<Promise<void>>();

/**
 * The hooks of the routes of a component, or nothing where the SDK, the engine or a unit test's mocks have none: then the
 * provider's own words are all there is. The hook says why, below the component, and changes nothing else.
 */
export function unreadyRouteHooks(
  parent: pulumi.ComponentResource,
  awaited: Awaited,
): pulumi.ResourceHookBinding | undefined {
  if (pulumi.runtime.isDryRun() || !errorHooksWork()) return undefined;
  // The engine calls back from outside of the program, which with several programs in one process is not said by anything else.
  const tell = AsyncResource.bind((args: pulumi.ErrorHookArgs) => toldOnce(parent, awaited, args));
  // The engine wants a name that nobody else has, in this process or in a plugin's.
  return { onError: [new pulumi.ErrorHook(`podpin:unready-route:${randomUUID()}`, tell)] };
}

/** Whether hooks for failed operations exist: from 3.219 on, and not under mocks (3.255), which say they do. */
function errorHooksWork(): boolean {
  const { getStore } = state as { getStore?: () => { readonly supportsErrorHooks?: boolean } };
  const monitor = pulumi.runtime.getMonitor() as { readonly registerErrorHook?: unknown } | undefined;
  return typeof monitor?.registerErrorHook === "function" && getStore?.().supportsErrorHooks === true;
}

/** Always false: the operation is not tried again. Never fails, since the engine would take that for the route's failure. */
async function toldOnce(
  parent: pulumi.ComponentResource,
  awaited: Awaited,
  args: pulumi.ErrorHookArgs,
): Promise<boolean> {
  if (args.failedOperation === "delete" || !args.errors.some((error) => TIME_IS_UP.test(error))) return false;
  const telling = tellWhy(parent, awaited, args).catch(() => undefined);
  underWay.add(telling);
  await Promise.all(underWay);
  underWay.delete(telling);
  return false;
}

async function tellWhy(parent: pulumi.ComponentResource, awaited: Awaited, args: pulumi.ErrorHookArgs): Promise<void> {
  const { name, namespace } = await settled<ObjectMeta>(args.newInputs?.["metadata"]);
  const live = await within(READ_WITHIN_MS, liveRoute(`${args.name}-unready`, `${namespace}/${name}`, parent));
  const { provider, conditions, seconds } = awaited;
  await pulumi.log.error(unreadyRoute({ namespace, name, provider, awaited: conditions, seconds, live }), parent);
}

interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
}

/** Reads the route. The state keeps what was read until the next deployment, which forgets it without a word. */
async function liveRoute(
  name: string,
  id: string,
  parent: pulumi.ComponentResource,
): Promise<{ generation?: number; conditions?: readonly Condition[] }> {
  const kind = { apiVersion: "networking.gke.io/v1", kind: "GKEIPRoute" };
  const read = new CustomResource(name, { ...kind, metadata: undefined, status: undefined }, { parent, id });
  const { metadata, status } = read as unknown as Record<string, pulumi.Output<Record<string, never> | undefined>>;
  const [meta, found] = await Promise.all([settled(metadata), settled(status)]);
  return { generation: meta?.["generation"], conditions: found?.["conditions"] };
}

function settled<T>(value: pulumi.Input<T>): Promise<T> {
  return new Promise((resolve) => pulumi.output(value).apply((known) => resolve(known as T)));
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
