// What an agent runs: it answers for its node, is a witness for the controller, and knows when it is cut off.
import { HEARTBEAT_PORT } from "../../../lib/model/runtime";
import type { Clock, Log } from "../kube/api";
import type { Metrics } from "../kube/metrics";
import { IsolationDetector } from "./isolation";
import type { Peer, Probe } from "./message";
import { type Reaction, Responder } from "./responder";
import { type Keys, open, seal } from "./seal";
import { tally } from "./tally";
import type { Address, OpenWire } from "./wire";

export interface NodeHeartOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly wire: OpenWire;
  /** Undefined while there are none: nobody is answered. */
  readonly keys: () => Keys | undefined;
  readonly nodeName: string;
  readonly nonce: () => number;
  /** Whether the uplink has a carrier; undefined where that cannot be known. */
  readonly carrier: () => boolean | undefined;
  /** Succeeds when the API server answers anything. Asked only when nobody else is in contact. */
  readonly askApi: () => Promise<unknown>;
  readonly metrics: Metrics;
}

export interface NodeHeart {
  /** Whether this node hears nobody or nobody hears it, so that its addresses may have been given to others. */
  isolated(): boolean;
  /** Calls back after each change; the answer ends it. */
  onChange(callback: () => void): () => void;
  /** Calls back with addresses that the controller says are another node's by now; the answer ends it. */
  onMoved(callback: (addresses: readonly string[]) => void): () => void;
  stop(): void;
}

export function beat(options: NodeHeartOptions): NodeHeart {
  const { clock, log, keys, nodeName, nonce, metrics } = options;
  const received = tally(metrics);
  const isolations = metrics.counter("podpin_isolations_total", "How often this node found itself cut off, by cause.");
  metrics.gauge(
    "podpin_isolated",
    "1 while this node hears nobody, or nobody hears it, and speaks for no address.",
    () => [[detector.cause === undefined ? 0 : 1]],
  );
  const responder = new Responder({ nodeName, boot: nonce(), nonce });
  const detector = new IsolationDetector();
  const callbacks = new Set<() => void>();
  const movedCallbacks = new Set<(addresses: readonly string[]) => void>();
  let cause = detector.cause;
  let asking = false;
  let stopped = false;
  let cancel = (): void => undefined;

  const wire = options.wire((datagram, from) => {
    const known = keys();
    const opened = known === undefined ? { refused: "unknown key" as const } : open(datagram, known);
    if ("refused" in opened) return received(opened.refused);
    const { message, key } = opened;
    const now = clock.now();
    const reaction = message.type === "probe" ? responder.probed(message, now) : responder.answered(message, now);
    const { answer } = reaction;
    if (answer !== undefined) wire.send(seal(answer, key), from);
    received(answer !== undefined || reaction.peer !== undefined ? "ok" : "unexpected");
    follow(reaction);
  });

  function follow({ probes, knock, controller, peer, moved = [] }: Reaction): void {
    for (const { to, probe } of probes) say(to, probe);
    for (const { name, address } of knock) wire.knock(address, () => responder.knocked(name, clock.now()));
    if (controller !== undefined) detector.controllerHeard(clock.now(), controller);
    if (peer !== undefined) detector.peerHeard(clock.now());
    if (moved.length > 0) for (const callback of movedCallbacks) callback(moved);
    tell();
  }

  function say({ address }: Peer, probe: Probe): void {
    const known = keys();
    const to: Address = { address, port: HEARTBEAT_PORT };
    if (known !== undefined) wire.send(seal(probe, known.present), to);
  }

  function tick(): void {
    // What has arrived is heard before the silence is judged.
    wire.afterArrived(() => {
      if (stopped) return;
      const now = clock.now();
      const { probe, askApi, waitMs } = detector.tick(now, options.carrier());
      for (const peer of probe) say(peer, responder.probe(peer, now));
      if (askApi && !asking) void ask();
      tell();
      cancel = clock.after(waitMs, tick);
    });
  }

  async function ask(): Promise<void> {
    asking = true;
    try {
      await options.askApi();
      detector.apiHeard(clock.now());
      tell();
    } catch (error) {
      log("debug", "the API server does not answer", { error });
    } finally {
      asking = false;
    }
  }

  function tell(): void {
    const before = cause;
    cause = detector.cause;
    if (before === cause) return;
    if (cause !== undefined) isolations.add({ cause });
    log(
      cause === undefined ? "info" : "warn",
      cause === undefined ? "this node hears others" : "this node is cut off",
      {
        cause: cause ?? before,
      },
    );
    for (const callback of callbacks) callback();
  }

  tick();
  return {
    isolated: () => cause !== undefined,
    onChange: (callback) => {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
    onMoved: (callback) => {
      movedCallbacks.add(callback);
      return () => void movedCallbacks.delete(callback);
    },
    stop: () => {
      stopped = true;
      cancel();
      wire.close();
    },
  };
}
