// The controller: live copies of the cluster, a queue of what has to be looked at, one reconcile per key. Every replica
// keeps the copies, so that it can take over at once; only the one that leads works on the queue and writes.
import type { CustomResourceDefinition } from "../../../lib/crds/index";
import { PODPIN_CONTROLLER_NAME } from "../../../lib/model/gke-api";
import { RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import { selectorOf } from "../../../lib/model/manifest";
import { CONTROLLER } from "../../../lib/model/runtime";
import type { Clock, Kube, Log } from "../kube/api";
import { Election, type Lease, type LeaseApi } from "../kube/election";
import { Events } from "../kube/events";
import { LeaderOnly } from "../kube/leader-only";
import { Metrics } from "../kube/metrics";
import { WorkQueue, type QueueLane } from "../kube/queue";
import type { HeartbeatParts } from "../liveness/node-watch";
import { CloudLink, type CloudMaker } from "./cloud-link";
import { clusterRanges, serviceCidrs, watchClusterRanges, writeClusterRanges } from "./cluster-ranges";
import { GatewayApiVersion } from "./gateway-api-version";
import { GatewayReconciler } from "./gateway-reconciler";
import { keepInstalled } from "./install";
import { replaceLostPods, type LostPodsOptions } from "./lost-pods";
import { watchForLoss } from "./node-loss";
import type { Hearing } from "./node-states";
import { projectPod } from "./projections";
import { gauges, reportOn } from "./report";
import { RouteReconciler } from "./route-reconciler";
import { pair } from "./selector-index";
import { Store, type Touched } from "./store";
import { WriteLimit } from "./write-limit";

export interface ControllerOptions {
  readonly kube: Kube;
  /** For the election alone, on a connection of its own. */
  readonly leases: LeaseApi;
  /** Name of the Pod. */
  readonly podName: string;
  /** Names this process in the election: `podName_` and something else at every start. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  /** podpin's own namespace. */
  readonly namespace: string;
  /** Ranges that must not see a persistent address as source, besides those that the cluster itself tells. */
  readonly clusterCidrs: readonly string[];
  /** Definitions to create where the cluster lacks them. */
  readonly definitions: readonly CustomResourceDefinition[];
  /** Takes the metrics. @default they are kept, and nobody sees them */
  readonly metrics?: Metrics;
  /** By which it hears whether nodes are alive. @default it relies on what Kubernetes says of them */
  readonly heartbeats?: HeartbeatParts;
  /** Makes what leads packets through a cloud's API. @default classes that need it are refused */
  readonly cloud?: CloudMaker;
  /** By which it knows that a machine is gone, and may have its Pods replaced. @default that is left to people */
  readonly machineState?: LostPodsOptions["machineState"];
}

export interface Controller {
  /** Why it cannot serve yet, one line each; empty when it can, whether it leads or stands by. */
  problems(): readonly string[];
  isLeading(): boolean;
  /** The verdict on a node: whether it answers. Addresses leave a lost one for the next eligible Pod at once. */
  setLost(nodeName: string, lost: boolean): void;
  /** Whom to ask what the heartbeats hear. @default no node is heard */
  listen(hears: Hearing): void;
  /** Ends the work under way, gives the lead away, then ends everything else. */
  stop(): Promise<void>;
}

/** Labels of the controller's own Pods. */
const REPLICAS = Object.entries(selectorOf("controller"))
  .map(([name, value]) => pair(name, value))
  .join(",");
/** How often a status is written whose every write is answered by somebody else's. */
const STATUS_EVERY_MS = 1_000;

export function runController(options: ControllerOptions): Controller {
  const { clock, log, namespace, metrics = new Metrics() } = options;
  const kube: LeaderOnly = new LeaderOnly(options.kube, () => election.isLeading());
  const events = new Events({
    api: kube,
    clock,
    log,
    controller: PODPIN_CONTROLLER_NAME,
    instance: options.podName,
    onResult: (result) => report.event(result),
  });
  const report = reportOn(metrics, events);
  // Nothing is decided on half a picture: what happens before the first complete lists, or while another replica leads, is
  // covered by the look at everything.
  let synced = false;
  const look = (key: string, lane: QueueLane): void => {
    if (synced) queue.add(key, lane);
  };
  const touched: Touched = {
    route: (key, urgent = false) => look(`route:${key}`, urgent ? "failover" : "move"),
    gone: (uid) => cloud && look(`cloud:${uid}`, "housekeeping"),
    gateway: (key) => look(`gateway:${key}`, "housekeeping"),
    gatewayClass: (name) => look(`class:${name}`, "housekeeping"),
    clusterRanges: () => look("ranges:", "housekeeping"),
  };
  const queue = new WorkQueue({ clock, log, concurrency: 16, moreForFailover: 4, run: (key) => work(key) });
  queue.pause();
  const store: Store = new Store({
    kube,
    clock,
    touched,
    cloud: options.cloud !== undefined,
    onSynced: () => {
      synced = true;
      log("info", "every watch is complete");
      lookAtEverything();
    },
  });
  const cloud: CloudLink | undefined =
    options.cloud &&
    new CloudLink(options.cloud, {
      store,
      isActing: () => election.isLeading(),
      touchRoute: touched.route,
      touchGone: (uid) => touched.gone(uid),
    });
  const ranges = watchClusterRanges(kube, namespace, () => touched.clusterRanges());
  const replicas = kube.reflect<Pod>({
    resource: RESOURCES.pods,
    namespace,
    labelSelector: REPLICAS,
    project: projectPod,
    onChange: () => undefined,
  });
  const lookAtEverything = (): void => {
    store.touchEverything();
    if (election.isLeading()) cloud?.begin();
  };
  const limit = new WriteLimit(clock, log, STATUS_EVERY_MS);
  const lease = { namespace, name: CONTROLLER };
  // Not on the connection of the election, whose renewals must not wait.
  const hasLease = async (): Promise<boolean> => election.confirm(await kube.get<Lease>(RESOURCES.leases, lease));
  const touchRoute = touched.route;
  const routes = new RouteReconciler({ kube, store, clock, log, limit, report, touchRoute, hasLease, cloud });
  const version = new GatewayApiVersion(kube, () => {
    for (const { metadata } of store.copies.classes.values()) touched.gatewayClass(metadata.name);
  });
  const gateways = new GatewayReconciler(kube, store, clock, version, limit);
  const election: Election = new Election({
    leases: options.leases,
    clock,
    log,
    lease,
    identity: options.identity,
    onStarted: (besideMs) => {
      report.led();
      routes.beginTerm(besideMs);
      queue.resume();
      cloud?.start();
      if (synced) lookAtEverything();
    },
    onStopped: () => {
      queue.pause();
      cloud?.pause();
    },
    isGone: (identity) => store.lostNodes.has(nodeOf(identity) ?? ""),
  });
  const loss =
    options.heartbeats &&
    watchForLoss({
      ...options.heartbeats,
      kube,
      store,
      events,
      metrics,
      clock,
      log,
      namespace,
      isLeading: () => election.isLeading(),
      leadingNode: () => nodeOf(election.holder ?? ""),
      setLost,
    });
  const isActing = (): boolean => synced && election.isLeading();
  const { machineState } = options;
  const lostPods = machineState && replaceLostPods({ kube, store, events, clock, log, isActing, machineState });
  gauges(metrics, { clock, queue, isLeading: () => election.isLeading(), reflectors: store.copies.byKind });

  /** The node of another replica. */
  function nodeOf(identity: string): string | undefined {
    return replicas.get(`${namespace}/${identity.split("_")[0] ?? ""}`)?.spec?.nodeName;
  }

  function setLost(nodeName: string, lost: boolean): void {
    store.setLost(nodeName, lost);
    // The replica that leads may have been there.
    if (lost) election.hurry();
  }

  async function work(key: string): Promise<number | undefined> {
    const kind = key.slice(0, key.indexOf(":"));
    const started = clock.now();
    const done = (error?: unknown): void => report.reconciled(kind, (clock.now() - started) / 1000, error);
    try {
      const againAfterMs = await handle(kind, key.slice(kind.length + 1));
      done();
      return againAfterMs;
    } catch (error) {
      done(error);
      throw error;
    }
  }

  async function handle(kind: string, name: string): Promise<number | undefined> {
    switch (kind) {
      case "route": {
        const { againAfterMs } = await routes.reconcile(name);
        cloud?.heard(name);
        return againAfterMs;
      }
      case "cloud":
        cloud?.clear(name);
        return undefined;
      case "gateway":
        return gateways.reconcileGateway(name);
      case "class":
        return gateways.reconcileClass(name);
      default:
        await writeRanges();
        return undefined;
    }
  }

  async function writeRanges(): Promise<void> {
    const cidrs = clusterRanges(options.clusterCidrs, await serviceCidrs(kube), store.copies.nodes.values());
    await writeClusterRanges(kube, namespace, cidrs);
  }

  const installation = keepInstalled({
    kube: options.kube,
    definitions: options.definitions,
    clock,
    log,
    isFollowed: (kind) => store.copies.byKind[kind]?.lastError === undefined,
  });

  return {
    problems: () => [
      ...(installation.problem === undefined ? [] : [installation.problem]),
      ...store.copies.problems,
      ...(store.copies.synced || store.copies.problems.length > 0 ? [] : ["the first lists are not complete yet"]),
      ...(election.problem === undefined ? [] : [election.problem]),
    ],
    isLeading: () => election.isLeading(),
    setLost,
    listen: (hears) => store.listen(hears),
    stop: async () => {
      installation.stop();
      loss?.stop();
      lostPods?.stop();
      await election.stop(() => queue.shutdown());
      await cloud?.stop();
      version.stop();
      ranges.stop();
      replicas.stop();
      routes.stop();
      store.stop();
    },
  };
}
