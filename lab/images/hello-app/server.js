// Stands in for the sample server of the how-to's image: tells over HTTP who answers and whom it saw, and echoes UDP.
// It also opens connections of its own when asked to, so that the other side can see which address it comes from.
"use strict";
const dgram = require("node:dgram");
const http = require("node:http");
const net = require("node:net");
const os = require("node:os");

const PORT = Number(process.env.PORT ?? 8080);
const REPLY_MS = 1000;

const hello = (request) =>
  `Hello, world!\nVersion: 1.0.0\nHostname: ${os.hostname()}\nClient: ${request.socket.remoteAddress}\n`;

/** Opens TCP to the target, sends one line, and gives back the first thing that the target answers. */
function sourceTcp(target) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: target.host, port: target.port, localAddress: target.from, timeout: REPLY_MS });
    let local = "";
    socket.once("connect", () => {
      local = socket.localAddress;
      socket.write(`${os.hostname()}\n`);
    });
    socket.once("data", (data) => done(data.toString()));
    socket.once("timeout", () => (local === "" ? socket.destroy(new Error("no answer")) : done("")));
    socket.once("end", () => done(""));
    socket.once("error", reject);
    const done = (reply) => {
      socket.destroy();
      resolve({ local, reply });
    };
  });
}

/** The same with one datagram. */
function sourceUdp(target) {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket("udp4");
    let local = "";
    const timer = setTimeout(() => done(""), REPLY_MS);
    const done = (reply) => {
      clearTimeout(timer);
      socket.close();
      resolve({ local, reply });
    };
    socket.once("message", (data) => done(data.toString()));
    socket.once("error", (error) => {
      clearTimeout(timer);
      socket.close();
      reject(error);
    });
    socket.bind(0, target.from, () =>
      socket.connect(target.port, target.host, () => {
        local = socket.address().address;
        socket.send(`${os.hostname()}\n`);
      }),
    );
  });
}

const SOURCES = { "/source": sourceTcp, "/source-udp": sourceUdp };

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://pod");
  const answer = (status, text) => response.writeHead(status, { "content-type": "text/plain" }).end(text);
  const source = SOURCES[url.pathname];
  if (source === undefined) {
    answer(200, hello(request));
    return;
  }
  const target = {
    host: url.searchParams.get("host") ?? "",
    port: Number(url.searchParams.get("port")),
    from: url.searchParams.get("from") ?? undefined,
  };
  if (net.isIPv4(target.host) === false || !(target.port > 0 && target.port < 65536)) {
    answer(400, `usage: ${url.pathname}?host=IPV4&port=NUMBER[&from=IPV4]\n`);
    return;
  }
  source(target).then(
    ({ local, reply }) => answer(200, `Sent from: ${local}\nReply: ${reply.trimEnd()}\n`),
    (error) => answer(502, `${error.message}\n`),
  );
});
server.listen(PORT, "0.0.0.0");

// One UDP socket per local address, as name servers do: a socket bound to 0.0.0.0 would answer from the address that
// routing picks, not from the one that was asked. Addresses come and go while a Pod runs, so they are looked at again.
const sockets = new Map();
function bindAddresses() {
  const present = new Set(
    Object.values(os.networkInterfaces())
      .flat()
      .filter((entry) => entry.family === "IPv4")
      .map((entry) => entry.address),
  );
  for (const [address, socket] of sockets) {
    if (!present.has(address)) {
      sockets.delete(address);
      socket.close();
    }
  }
  for (const address of present) {
    if (sockets.has(address)) continue;
    const socket = dgram.createSocket("udp4");
    sockets.set(address, socket);
    socket.on("message", (payload, peer) =>
      socket.send(`${os.hostname()} ${peer.address} ${payload}`, peer.port, peer.address, () => {}),
    );
    socket.on("error", () => {
      if (sockets.get(address) === socket) sockets.delete(address);
      socket.close();
    });
    socket.bind(PORT, address);
  }
}
bindAddresses();
setInterval(bindAddresses, 250);

// PID 1 of a container gets no default signal handlers.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
