// Sends packets of 64 bytes (with their headers) as fast as one process can, and says how long that took.
import { createSocket } from "node:dgram";
import { now, say } from "./child";

const { to, packets } = JSON.parse(process.argv[2] ?? "{}") as { to: string; packets: number };
const PORT = 9;
const PAYLOAD = Buffer.alloc(64 - 28);
/** More at once would only fill the socket's buffer. */
const AT_ONCE = 64;

const socket = createSocket("udp4");
// Nobody listens there, and the kernel says so.
socket.on("error", () => undefined);
socket.connect(PORT, to, () => {
  const began = now();
  let [sent, done] = [0, 0];
  const send = (): void => {
    if (sent >= packets) return;
    sent++;
    socket.send(PAYLOAD, () => {
      if (++done < packets) return send();
      say({ seconds: (now() - began) / 1000 });
      socket.close();
    });
  };
  for (let index = 0; index < AT_ONCE; index++) send();
});
