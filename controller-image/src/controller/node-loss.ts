// From heartbeats to addresses that move: which nodes are watched, and what a verdict on one of them sets off. Every replica
// listens, so that whoever takes over knows at once who is lost; only the one that leads tells of it.
import { RESOURCES } from "../../../lib/model/kubernetes";
import type { Clock, Kube, Log } from "../kube/api";
import type { EventRecorder } from "../kube/events";
import type { Metrics } from "../kube/metrics";
import { keySecret } from "../liveness/key-secret";
import { isPeer } from "../liveness/message";
import { type HeartbeatParts, watchNodes } from "../liveness/node-watch";
import type { Verdict, WatchedNode } from "../liveness/watcher";
import { nodeAddress } from "./projections";
import type { Store } from "./store";

export interface NodeLossOptions extends HeartbeatParts {
  readonly kube: Kube;
  readonly store: Store;
  readonly events: EventRecorder;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** podpin's own namespace. */
  readonly namespace: string;
  readonly isLeading: () => boolean;
  /** Where the replica is that leads. */
  readonly leadingNode: () => string | undefined;
  /** Sets off what has to be done. */
  readonly setLost: (nodeName: string, lost: boolean) => void;
}

/** How long a new node, or one with its first address, may go unnoticed. */
const LOOK_EVERY_MS = 500;
/** Whoever leads has told by then. */
const UNTOLD_MS = 5_000;

export function watchForLoss(options: NodeLossOptions): { stop(): void } {
  const { store, clock, log, events, metrics, isLeading, setLost } = options;
  const unreachable = metrics.counter("podpin_node_unreachable_total", "Nodes that were found lost.");
  const returned = metrics.counter(
    "podpin_node_returned_total",
    "Lost nodes that came back, by why; same_agent: the node had never stopped, so its addresses moved without need or by a partition.",
  );
  const silence = metrics.histogram(
    "podpin_node_silence_seconds",
    "Silence of a node before it was found lost.",
    [0.5, 0.6, 0.7, 0.8, 1, 1.5, 2, 2.5, 5, 10],
  );
  const secret = keySecret(options);
  const nodes = watchNodes({
    ...options,
    keys: () => secret.keys(),
    onVerdict,
    moved: (name) => (isLeading() ? store.movedFrom(name) : []),
  });
  store.listen((name) => nodes.hears(name));
  /** What was found while another replica led: it may have been on the lost node, and then this one has to tell. */
  const untold = new Map<string, { readonly verdict: Verdict; readonly at: number }>();
  let cancel = (): void => undefined;

  function look(): void {
    nodes.lead(isLeading());
    for (const [name, { verdict, at }] of untold) {
      if (isLeading()) tell(verdict);
      if (isLeading() || clock.now() - at > UNTOLD_MS) untold.delete(name);
    }
    if (store.copies.nodes.synced) nodes.watch(watched());
    cancel = clock.after(LOOK_EVERY_MS, look);
  }

  function* watched(): Iterable<WatchedNode> {
    const leading = isLeading() ? undefined : options.leadingNode();
    for (const node of store.mayHoldNodes()) {
      const { name } = node.metadata;
      const peer = { name, address: nodeAddress(node) ?? "" };
      if (isPeer(peer)) yield { ...peer, owns: store.isBound(name), leads: name === leading };
    }
  }

  function onVerdict(verdict: Verdict): void {
    const { name, lost } = verdict;
    setLost(name, lost);
    untold.delete(name);
    if (isLeading()) tell(verdict);
    else if (lost) untold.set(name, { verdict, at: clock.now() });
  }

  function tell({ name, lost, because, afterMs }: Verdict): void {
    const seconds = Math.round(afterMs) / 1000;
    if (lost) {
      unreachable.add();
      silence.observe(seconds);
    } else if (because !== undefined) {
      returned.add({ because: because.replace(" ", "_") });
    }
    const text = lost
      ? `the node answers nobody for ${seconds} s; its addresses move to other Pods`
      : `the node is no longer lost: ${because ?? ""}`;
    log(lost ? "error" : "info", text, { node: name, seconds, because });
    const object = store.copies.nodes.get(name);
    if (object === undefined) return;
    events.record({
      resource: RESOURCES.nodes,
      object,
      type: lost ? "Warning" : "Normal",
      reason: lost ? "NodeUnreachable" : "NodeReachable",
      action: lost ? "MoveAddresses" : "Watch",
      note: lost ? "The node answers nobody; its persistent addresses move to other Pods" : "The node answers again",
    });
  }

  look();
  return {
    stop: () => {
      cancel();
      nodes.stop();
      secret.stop();
    },
  };
}
