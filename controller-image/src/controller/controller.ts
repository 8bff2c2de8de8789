// The controller: live copies of the cluster, a queue of what has to be looked at, one reconcile per key.
import type { KubeObject } from "../../../lib/model/kubernetes";
import type { Clock, Kube, Log } from "../kube/api";
import { errorText } from "../kube/log";
import { WorkQueue, type QueueLane } from "../kube/queue";
import { clusterRanges, serviceCidrs, writeClusterRanges } from "./cluster-ranges";
import { GatewayReconciler } from "./gateway-reconciler";
import { installMissing } from "./install";
import { RouteReconciler } from "./route-reconciler";
import { Store, type Touched } from "./store";

export interface ControllerOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** podpin's own namespace. */
  readonly namespace: string;
  /** Ranges that must not see a persistent address as source, besides those that the cluster itself tells. */
  readonly clusterCidrs: readonly string[];
  /** Definitions to create where the cluster lacks them. */
  readonly definitions: readonly KubeObject[];
}

export interface Controller {
  /** Why it cannot serve yet, one line each; empty when it can. */
  problems(): readonly string[];
  /** Ends the work under way, then everything else. */
  stop(): Promise<void>;
}

/** How often missing definitions are tried again. */
const INSTALL_RETRY_MS = 5_000;

export function runController(options: ControllerOptions): Controller {
  const { kube, clock, log, namespace } = options;
  let installed = options.definitions.length === 0;
  let installError: string | undefined;
  let cancelRetry: (() => void) | undefined;
  let stopped = false;

  // Nothing is decided on half a picture: what happens before the first complete lists is covered by `lookAtAll`.
  let synced = false;
  const look = (key: string, lane: QueueLane): void => {
    if (synced) queue.add(key, lane);
  };
  const touched: Touched = {
    route: (key) => look(`route:${key}`, "move"),
    gateway: (key) => look(`gateway:${key}`, "housekeeping"),
    gatewayClass: (name) => look(`class:${name}`, "housekeeping"),
    clusterRanges: () => look("ranges:", "housekeeping"),
  };
  const lookAtAll = (): void => {
    synced = true;
    store.touchEverything();
    log("info", "every watch is complete");
  };
  const queue = new WorkQueue({ clock, log, concurrency: 8, run: (key) => handle(key) });
  const store = new Store(kube, clock, touched, lookAtAll);
  const routes = new RouteReconciler(kube, store, clock);
  const gateways = new GatewayReconciler(kube, store, clock);

  async function handle(key: string): Promise<number | undefined> {
    const kind = key.slice(0, key.indexOf(":"));
    const name = key.slice(kind.length + 1);
    switch (kind) {
      case "route":
        return (await routes.reconcile(name)).againAfterMs;
      case "gateway":
        await gateways.reconcileGateway(name);
        return undefined;
      case "class":
        await gateways.reconcileClass(name);
        return undefined;
      default:
        await writeRanges();
        return undefined;
    }
  }

  async function writeRanges(): Promise<void> {
    const ranges = clusterRanges(options.clusterCidrs, await serviceCidrs(kube), store.nodes.values());
    await writeClusterRanges(kube, namespace, ranges);
  }

  async function install(): Promise<void> {
    try {
      await installMissing(kube, options.definitions, log);
      installed = true;
      installError = undefined;
    } catch (error) {
      installError = errorText(error);
      log("warn", "definitions could not be installed yet", { error: installError });
      if (!stopped) cancelRetry = clock.after(INSTALL_RETRY_MS, () => void install());
    }
  }
  if (!installed) void install();

  return {
    problems: () => [
      ...(installed ? [] : [`GKE's definitions are not installed yet${installError ? `: ${installError}` : ""}`]),
      ...store.problems,
      ...(store.synced || store.problems.length > 0 ? [] : ["the first lists are not complete yet"]),
    ],
    stop: async () => {
      stopped = true;
      cancelRetry?.();
      await queue.shutdown();
      store.stop();
    },
  };
}
