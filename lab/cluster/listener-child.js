// Runs inside a host's network namespace: `node listener-child.js ADDRESS PORT`. Answers TCP and UDP and prints one line
// of JSON for each peer that sent something (Heard of probe.ts), until its stdin ends.
"use strict";
const dgram = require("node:dgram");
const net = require("node:net");

const [address, port] = [process.argv[2], Number(process.argv[3])];
const print = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const fail = (error) => {
  console.error(error.message);
  process.exit(1);
};
const plain = (peer) => peer.replace(/^::ffff:/, "");

const server = net.createServer((socket) => {
  const from = plain(socket.remoteAddress ?? "");
  socket.on("error", () => undefined);
  socket.once("data", (data) => {
    print({ protocol: "tcp", address: from, port: socket.remotePort, payload: data.toString().trim() });
    socket.end(`${from}\n`);
  });
});
const socket = dgram.createSocket("udp4", (data, peer) => {
  print({ protocol: "udp", address: peer.address, port: peer.port, payload: data.toString().trim() });
  socket.send(`${peer.address} ${data}`, peer.port, peer.address);
});
server.on("error", fail).listen(port, address, () => {
  socket.on("error", fail).bind(port, address, () => console.log("ready"));
});
process.stdin.on("end", () => process.exit(0)).resume();
