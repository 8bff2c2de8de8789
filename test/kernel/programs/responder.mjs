// Answers every UDP datagram and TCP connection with who it is and whom it saw: `responder.mjs NAME ADDRESS…`.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const PORT = 7000;
const [name, ...addresses] = process.argv.slice(2);

await Promise.all(
  addresses.flatMap((address) => {
    const udp = createSocket("udp4");
    udp.on("message", (message, peer) => {
      const answer = JSON.stringify({ name, peer: peer.address, echo: message.toString() });
      udp.send(answer, peer.port, peer.address);
    });
    const tcp = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(JSON.stringify({ name, peer: socket.remoteAddress }));
    });
    return [
      new Promise((resolve) => udp.bind(PORT, address, resolve)),
      new Promise((resolve) => tcp.listen(PORT, address, resolve)),
    ];
  }),
);
process.stdout.write("ready\n");
