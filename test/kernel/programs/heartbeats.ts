// One side of the heartbeats as it ships, on the real network of the namespace that it is started in. Says on standard output
// what it finds, a line of JSON each.
import { Metrics, systemClock } from "../../../controller-image/src/kube/index";
import { carrierOf } from "../../../controller-image/src/liveness/carrier";
import { beat } from "../../../controller-image/src/liveness/node-heart";
import { watchNodes } from "../../../controller-image/src/liveness/node-watch";
import { keyOf } from "../../../controller-image/src/liveness/seal";
import type { WatchedNode } from "../../../controller-image/src/liveness/watcher";
import { randomNonce, udpWire } from "../../../controller-image/src/liveness/wire";
import { HEARTBEAT_PORT } from "../../../lib/model/runtime";

export type HeartbeatArgs =
  | { readonly role: "agent"; readonly node: string; readonly address: string; readonly uplink: string }
  | { readonly role: "controller"; readonly node: string; readonly nodes: readonly WatchedNode[] };

export type HeartbeatLine =
  | { readonly verdict: string; readonly lost: boolean; readonly because?: string }
  | { readonly counts: Readonly<Record<string, number>> }
  | { readonly isolated: boolean };

const REPORT_EVERY_MS = 50;

const say = (line: HeartbeatLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const quiet = (): void => undefined;

function main(args: HeartbeatArgs): void {
  const present = keyOf(Buffer.alloc(32, 42));
  if (present === undefined) throw new Error("a key has 32 bytes");
  const metrics = new Metrics();
  const parts = { clock: systemClock, log: quiet, nonce: randomNonce, keys: () => ({ present }), metrics };
  if (args.role === "agent") {
    const local = { address: args.address, port: HEARTBEAT_PORT };
    const heart = beat({
      ...parts,
      wire: udpWire({ clock: systemClock, log: quiet, local }),
      nodeName: args.node,
      carrier: carrierOf(args.uplink),
      askApi: () => Promise.reject(new Error("there is no API server here")),
    });
    heart.onChange(() => say({ isolated: heart.isolated() }));
    say({ isolated: false });
    return;
  }
  const watch = watchNodes({
    ...parts,
    wire: udpWire({ clock: systemClock, log: quiet }),
    ownNode: args.node,
    onVerdict: ({ name, lost, because }) => say({ verdict: name, lost, because }),
  });
  watch.lead(true);
  watch.watch(args.nodes);
  const pattern = /^podpin_nodes\{state="(\w+)"\} (\d+)$/gm;
  setInterval(() => {
    const found = [...metrics.text().matchAll(pattern)];
    say({ counts: Object.fromEntries(found.map(([, state = "", count]) => [state, Number(count)])) });
  }, REPORT_EVERY_MS);
}

main(JSON.parse(process.argv[2] ?? "") as HeartbeatArgs);
