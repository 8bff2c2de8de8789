// Runs at the client: asks each address in turn by UDP, and says each answer.
import { createSocket } from "node:dgram";
import { now, say } from "../../bench/lab/child";

export interface Asking {
  readonly addresses: readonly string[];
  readonly intervalMs: number;
}

export interface Answer {
  readonly address: string;
  readonly seq: number;
  readonly sent: number;
  readonly at: number;
  /** Hostname of the Pod. */
  readonly by: string;
}

const PORT = 8080;
const { addresses, intervalMs } = JSON.parse(process.argv[2] ?? "{}") as Asking;

for (const address of addresses) {
  let seq = 0;
  const socket = createSocket("udp4");
  // Nobody there now, says a kernel.
  socket.on("error", () => undefined);
  socket.on("message", (message) => {
    const [by = "", , payload = ""] = message.toString().trim().split(" ");
    const [number, sent] = payload.split(":").map(Number);
    say({ address, seq: number ?? 0, sent: sent ?? 0, at: now(), by } satisfies Answer);
  });
  socket.connect(PORT, address, () => setInterval(() => socket.send(`${++seq}:${now()}`, () => undefined), intervalMs));
}
