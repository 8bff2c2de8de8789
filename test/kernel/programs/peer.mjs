// One end of many connections: serves, and asks others, as it is told by lines of JSON on its standard input. One line of
// JSON per answer. One process per namespace instead of one per question.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

/**
 * TCP and UDP that answer with whom they saw; UDP of a server that listens on every address; TCP that sends much; TCP that
 * stays open and sends back what it gets.
 */
const [ANSWER, WILDCARD, BULK, ECHO] = [7000, 7001, 7002, 7003];
const BULK_BYTES = 1_000_000;
/** Long, because a machine that runs other suites as well answers late; what works answers at once. */
const PATIENCE_MS = 8000;
const AGAIN_MS = 1000;

let held;

/** What comes back over the connection that is held. */
const echoed = (text) =>
  new Promise((resolve) => {
    // Reset before anything was said: the acknowledgement of the last answer comes late, and finds a new owner.
    if (held.errored) return resolve(held.errored.code);
    held.removeAllListeners("data").once("data", (data) => resolve(data.toString()));
    held.removeAllListeners("error").once("error", (error) => resolve(error.code));
    held.write(text);
  });

const listen = (server, ...where) =>
  new Promise((resolve, reject) => server.once("error", reject).listen(...where, resolve));

const tasks = {
  serve: async ({ addresses }) => {
    await listen(
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(socket.remoteAddress);
      }),
      ANSWER,
      "0.0.0.0",
    );
    await listen(
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(Buffer.alloc(BULK_BYTES));
      }),
      BULK,
      "0.0.0.0",
    );
    for (const [port, address] of [...addresses.map((address) => [ANSWER, address]), [WILDCARD, "0.0.0.0"]]) {
      const socket = createSocket("udp4");
      // As long as what was asked, so that a big question has a big answer.
      socket.on("message", (message, { address: peer, port: from }) =>
        socket.send(peer.padEnd(message.length), from, peer, () => undefined),
      );
      await new Promise((resolve) => socket.bind(port, address, resolve));
    }
    return "serving";
  },
  echo: async () => {
    await listen(
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.pipe(socket);
      }),
      ECHO,
      "0.0.0.0",
    );
    return "serving";
  },
  tcp: ({ to, from }) =>
    new Promise((resolve) => {
      const socket = connect({ port: ANSWER, host: to, localAddress: from });
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", (error) => resolve(error.code));
    }),
  bulk: ({ to, from }) =>
    new Promise((resolve) => {
      let bytes = 0;
      const socket = connect({ port: BULK, host: to, localAddress: from });
      socket.on("data", (data) => (bytes += data.length));
      socket.on("end", () => resolve(bytes === BULK_BYTES ? "ok" : `${bytes} bytes`));
      socket.on("error", (error) => resolve(error.code));
    }),
  /** Opens a connection that stays, and says something; `resume` says something more. */
  hold: ({ to }) => {
    held = connect({ port: ECHO, host: to });
    return echoed("hello");
  },
  resume: () => echoed("again"),
  udp: ({ to, from, size = 16 }) => datagram(to, ANSWER, from, size, (message) => message.toString().trim()),
  /** The address that answers, whatever was asked. */
  wildcard: ({ to }) => datagram(to, WILDCARD, undefined, 16, (_message, { address }) => address),
  ping: ({ to, from, size, whole }) =>
    new Promise((resolve) => {
      const args = ["-n", "-c", "1", "-W", String(PATIENCE_MS / 1000)];
      if (from !== undefined) args.push("-I", from);
      if (size !== undefined) args.push("-s", String(size));
      if (whole) args.push("-M", "do");
      const child = spawn("ping", [...args, to]);
      let said = "";
      child.stdout.on("data", (chunk) => (said += chunk));
      child.on("close", (code) => {
        const [, mtu] = /Frag needed.*\(mtu = (\d+)\)/.exec(said) ?? [];
        resolve(code === 0 ? "ok" : mtu === undefined ? "none" : `at most ${mtu}`);
      });
    }),
};

function datagram(to, port, from, size, read) {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const send = () => socket.send(Buffer.alloc(size, "?"), port, to, () => undefined);
    let again;
    const finish = (answer) => {
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish("none"), PATIENCE_MS);
    socket.on("error", (error) => finish(error.code));
    socket.on("message", (message, peer) => {
      clearTimeout(timer);
      finish(read(message, peer));
    });
    socket.bind(0, from, () => {
      send();
      again = setInterval(send, AGAIN_MS);
    });
  });
}

const patience = () => new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, "none"));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, task, ...rest } = JSON.parse(line);
    void Promise.race([tasks[task](rest), ...(task === "serve" ? [] : [patience()])]).then((answer) =>
      process.stdout.write(`${JSON.stringify({ id, answer })}\n`),
    );
  })
  .on("close", () => process.exit(0));
