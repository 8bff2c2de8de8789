// Asks a responder once and prints its answer: `ask.mjs udp|tcp ADDRESS [FROM]`. Exit code 1 after 1 s without one.
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const PORT = 7000;
const [protocol, address, from] = process.argv.slice(2);
const done = (answer) => process.stdout.write(answer, () => process.exit(0));
setTimeout(() => process.exit(1), 1000);

if (protocol === "udp") {
  const socket = createSocket("udp4");
  socket.on("message", (message) => done(message.toString()));
  socket.bind(0, from, () => socket.send("hello", PORT, address));
} else {
  const socket = connect({ port: PORT, host: address, localAddress: from });
  socket.on("data", (data) => done(data.toString()));
  socket.on("error", () => process.exit(1));
}
