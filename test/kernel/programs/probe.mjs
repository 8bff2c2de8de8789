// Sends a numbered UDP datagram every millisecond from one socket, until its input ends: `probe.mjs ADDRESS`. One line
// per new answerer and per 100 answers while it runs, one line of JSON at the end.
import { createSocket } from "node:dgram";

const PORT = 7000;
/** What has not been answered for so long is lost; a responder that got no processor meanwhile is late. */
const PATIENCE_MS = 3000;
const LOOK_MS = 20;
const [address] = process.argv.slice(2);
const socket = createSocket("udp4");
const answered = new Set();
const answers = {};
let sent = 0;
let last;
let longestGapMs = 0;

socket.on("message", (message) => {
  const { name, echo } = JSON.parse(message.toString());
  const now = performance.now();
  if (last !== undefined) longestGapMs = Math.max(longestGapMs, now - last);
  last = now;
  answered.add(echo);
  answers[name] = (answers[name] ?? 0) + 1;
  if (answers[name] === 1 || answered.size % 100 === 0) process.stdout.write(`${JSON.stringify(answers)}\n`);
});
socket.on("error", () => undefined);
socket.bind(0, () => {
  const begin = performance.now();
  const timer = setInterval(() => {
    // The timer is coarse; what is due is sent.
    while (sent < performance.now() - begin) socket.send(String(sent++), PORT, address, () => undefined);
  }, 1);
  process.stdin.on("end", () => {
    clearInterval(timer);
    let [seen, since] = [-1, 0];
    const drain = setInterval(() => {
      if (answered.size > seen) [seen, since] = [answered.size, performance.now()];
      if (answered.size < sent && performance.now() - since < PATIENCE_MS) return;
      clearInterval(drain);
      const report = { sent, lost: sent - answered.size, longestGapMs: Math.round(longestGapMs * 10) / 10, answers };
      process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
    }, LOOK_MS);
  });
  process.stdin.resume();
});
