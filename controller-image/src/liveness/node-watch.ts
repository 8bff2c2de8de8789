// The watcher with a clock and a wire: what the controller runs.
import type { Clock } from "../kube/api";
import type { Metrics, Reading } from "../kube/metrics";
import { HEARTBEAT_PORT } from "../../../lib/model/runtime";
import type { Peer } from "./message";
import { type Keys, open, seal } from "./seal";
import { tally } from "./tally";
import { type WatchedNode, Watcher, type Verdict } from "./watcher";
import type { OpenWire } from "./wire";

/** What a controller needs of the world besides the API server to hear nodes. */
export interface HeartbeatParts {
  readonly wire: OpenWire;
  /** Name of the node that this process runs on. */
  readonly ownNode: string;
  /** Numbers that are used once. */
  readonly nonce: () => number;
}

export interface NodeWatchOptions extends HeartbeatParts {
  readonly clock: Clock;
  /** Undefined while there are none: nobody is asked, and nobody is lost. */
  readonly keys: () => Keys | undefined;
  readonly metrics: Metrics;
  readonly onVerdict: (verdict: Verdict) => void;
  /** What the node is to be told: addresses that it had, each with the node that has it now. @default nothing */
  readonly moved?: (nodeName: string) => readonly Peer[];
}

export interface NodeWatch {
  watch(nodes: Iterable<WatchedNode>): void;
  lead(leading: boolean): void;
  /** Whether the node, or another one for it, has given a sign of life lately; undefined while it cannot be known. */
  hears(nodeName: string): boolean | undefined;
  stop(): void;
}

export function watchNodes(options: NodeWatchOptions): NodeWatch {
  const { clock, keys, ownNode, nonce, metrics, onVerdict, moved } = options;
  const received = tally(metrics);
  let sent = 0;
  metrics.counted("podpin_heartbeats_sent_total", "Heartbeat probes sent to nodes.", () => [[sent]]);
  metrics.gauge("podpin_nodes", "Nodes, by what this replica hears of them.", () =>
    Object.entries(watcher.counts).map(([state, count]): Reading => [count, { state: state.replace(" ", "_") }]),
  );
  const watcher = new Watcher({ ownNode, boot: nonce(), nonce, random: () => clock.random(), moved });
  let stopped = false;
  let cancel = (): void => undefined;

  const wire = options.wire((datagram) => {
    const known = keys();
    if (known === undefined) return received("unknown key");
    const opened = open(datagram, known);
    if ("refused" in opened) return received(opened.refused);
    const { message } = opened;
    const taken = message.type === "answer" && watcher.heard(message);
    received(taken ? "ok" : "unexpected");
  });

  const judge = (): void => {
    if (!stopped) for (const verdict of watcher.judge()) onVerdict(verdict);
  };

  const tick = (): void => {
    const known = keys();
    const { send, knock, waitMs } = watcher.tick(clock.now());
    if (known !== undefined) {
      for (const { to, probe } of send) {
        wire.send(seal(probe, known.present), { address: to.address, port: HEARTBEAT_PORT });
      }
      sent += send.length;
    }
    for (const { name, address } of knock) wire.knock(address, () => watcher.knocked(name));
    wire.afterArrived(judge);
    cancel = clock.after(waitMs, tick);
  };
  tick();

  return {
    watch: (nodes) => watcher.watch(nodes),
    lead: (leading) => watcher.lead(leading),
    hears: (name) => (keys() === undefined ? undefined : watcher.hears(name)),
    stop: () => {
      stopped = true;
      cancel();
      wire.close();
    },
  };
}
