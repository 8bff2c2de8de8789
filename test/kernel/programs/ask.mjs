// Asks a responder and prints its answer: `ask.mjs udp|tcp ADDRESS PATIENCE_MS [FROM]`. Exit code 1 when the patience is over.
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const PORT = 7000;
/** Longer than the patience of those who expect no answer, so that they have asked once. */
const AGAIN_MS = 1500;
const [protocol, address, patienceMs, from] = process.argv.slice(2);
const done = (answer) => process.stdout.write(answer, () => process.exit(0));
setTimeout(() => process.exit(1), Number(patienceMs));

if (protocol === "udp") {
  const socket = createSocket("udp4");
  socket.on("message", (message) => done(message.toString()));
  const send = () => socket.send("hello", PORT, address, () => undefined);
  socket.bind(0, from, () => {
    send();
    setInterval(send, AGAIN_MS);
  });
} else {
  const socket = connect({ port: PORT, host: address, localAddress: from });
  socket.on("data", (data) => done(data.toString()));
  socket.on("error", () => process.exit(1));
}
