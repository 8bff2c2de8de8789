// Runs inside a host's network namespace, by Node alone: `node probe-child.js '{"protocol":"udp",…}'`. Sends one probe
// per interval on a schedule that does not drift, until a line on stdin, its end, or the time limit; then prints what it
// saw as one line of JSON (ProbeRecords of probe.ts).
"use strict";
const dgram = require("node:dgram");
const net = require("node:net");

const { protocol, address, port, intervalMs, maxSeconds, graceMs, run } = JSON.parse(process.argv[2]);
const startedAt = process.hrtime.bigint();
const now = () => Number(process.hrtime.bigint() - startedAt) / 1e6;
const round = (ms) => Math.round(ms * 1000) / 1000;

const sentAt = []; // by sequence number
const answers = []; // [sequence number, received at, answerer, client address]
const errors = {};
const indexOf = { answerers: new Map(), clients: new Map() };
const index = (map, text) => map.get(text) ?? (map.set(text, map.size), map.size - 1);
const noteError = (code) => (errors[code] = (errors[code] ?? 0) + 1);
const noteAnswer = (seq, answerer, client) =>
  answers.push([seq, round(now()), index(indexOf.answerers, answerer), index(indexOf.clients, client)]);

function udp(ready) {
  const socket = dgram.createSocket("udp4");
  socket.on("error", (error) => noteError(error.code ?? error.message));
  socket.on("message", (message) => {
    // `<hostname> <client address> <payload>`; an answer that is no answer to this run is none.
    const [answerer, client, payload] = message.toString().trim().split(" ");
    const [theirRun, seq] = (payload ?? "").split(":");
    if (theirRun === run && seq !== undefined && Number(seq) < sentAt.length) noteAnswer(Number(seq), answerer, client);
  });
  // Connected: only the address asked may answer, and ICMP errors are heard.
  socket.connect(port, address, ready);
  return {
    send: (seq) => socket.send(`${run}:${seq}`, (error) => error && noteError(error.code ?? error.message)),
    close: () => socket.close(),
  };
}

function tcp(ready) {
  const open = new Set();
  setImmediate(ready);
  return {
    send: (seq) => {
      const socket = net.connect({ host: address, port });
      open.add(socket);
      let text = "";
      // Reset rather than close: closed connections would hold their ports for a minute, and there are 28000.
      const end = () => socket.resetAndDestroy();
      socket.setTimeout(graceMs, end);
      socket.on("connect", () =>
        socket.write(`GET /?${run}:${seq} HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r\n`),
      );
      socket.on("error", (error) => noteError(error.code ?? error.message));
      socket.on("close", () => open.delete(socket));
      socket.on("data", (chunk) => {
        text += chunk;
        const answerer = /^Hostname: (\S+)\s*$/m.exec(text)?.[1];
        const client = /^Client: (\S+)\s*$/m.exec(text)?.[1];
        if (answerer === undefined || client === undefined) return;
        noteAnswer(seq, answerer, client);
        socket.removeAllListeners("data");
        end();
      });
      socket.on("end", end);
    },
    close: () => open.forEach((socket) => socket.destroy()),
  };
}

let timer;
let over = false;
const wire = (protocol === "tcp" ? tcp : udp)(() => {
  console.log("ready");
  const firstAt = now();
  const limit = Math.floor((maxSeconds * 1000) / intervalMs);
  const tick = () => {
    if (over) return;
    // Timers are late by up to a millisecond: what is due goes out now, each under its own number.
    const due = Math.min(limit, Math.floor((now() - firstAt) / intervalMs) + 1);
    while (sentAt.length < due) {
      const seq = sentAt.push(round(now())) - 1;
      wire.send(seq);
    }
    if (sentAt.length >= limit) return finish();
    timer = setTimeout(tick, Math.max(0, firstAt + sentAt.length * intervalMs - now()));
  };
  tick();
});

function finish() {
  if (over) return;
  over = true;
  clearTimeout(timer);
  // The last probes get their time to be answered.
  setTimeout(() => {
    wire.close();
    const records = {
      sentAt,
      answers,
      answerers: [...indexOf.answerers.keys()],
      clients: [...indexOf.clients.keys()],
      errors,
    };
    process.stdout.write(JSON.stringify(records) + "\n", () => process.exit(0));
  }, graceMs);
}
process.stdin.on("data", finish).on("end", finish).on("error", finish);
