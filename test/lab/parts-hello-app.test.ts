// The sample server as the lab's image runs it, on loopback.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { createSocket } from "node:dgram";
import { hostname } from "node:os";
import { join } from "node:path";

let server: ChildProcess;
let port: number;

const get = async (path: string, host = "127.0.0.1"): Promise<[number, string]> => {
  const response = await fetch(`http://${host}:${port}${path}`);
  return [response.status, await response.text()];
};

/** A free port: asked of the kernel and given back. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return free;
}

async function answers(): Promise<void> {
  for (const end = Date.now() + 30_000; ;) {
    try {
      await get("/");
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

beforeAll(async () => {
  port = await freePort();
  const file = join(__dirname, "../../lab/images/hello-app/server.js");
  server = spawn(process.execPath, [file], { env: { ...process.env, PORT: String(port) }, stdio: "inherit" });
  await answers();
});
afterAll(() => {
  server.kill("SIGKILL");
});

test("answers like the how-to's sample, and says whom it saw", async () => {
  expect(await get("/")).toEqual([200, `Hello, world!\nVersion: 1.0.0\nHostname: ${hostname()}\nClient: 127.0.0.1\n`]);
});

test("echoes UDP from the address that was asked", async () => {
  const client = createSocket("udp4");
  client.send("ping 7", port, "127.0.0.1");
  const [message, from] = (await once(client, "message")) as [Buffer, { address: string }];
  client.close();
  expect([message.toString(), from.address]).toEqual([`${hostname()} 127.0.0.1 ping 7`, "127.0.0.1"]);
});

test("opens TCP when asked, and gives back what the other side answers", async () => {
  const seen: string[] = [];
  const outside = createServer((socket: Socket) => {
    socket.on("data", (data) => {
      seen.push(data.toString());
      socket.end(`you are ${socket.remoteAddress}\n`);
    });
  }).listen(0, "127.0.0.1");
  await once(outside, "listening");
  const target = (outside.address() as AddressInfo).port;
  expect(await get(`/source?host=127.0.0.1&port=${target}&from=127.0.0.2`)).toEqual([
    200,
    "Sent from: 127.0.0.2\nReply: you are 127.0.0.2\n",
  ]);
  expect(seen).toEqual([`${hostname()}\n`]);
  outside.close();
});

test("sends UDP when asked, and gives back what the other side answers", async () => {
  const outside = createSocket("udp4");
  outside.on("message", (_data, from) => outside.send(`you are ${from.address}`, from.port, from.address));
  outside.bind(0, "127.0.0.1");
  await once(outside, "listening");
  expect(await get(`/source-udp?host=127.0.0.1&port=${outside.address().port}`)).toEqual([
    200,
    "Sent from: 127.0.0.1\nReply: you are 127.0.0.1\n",
  ]);
  outside.close();
});

test.each([
  ["/source?host=example.test&port=80", 400, "usage: /source?host=IPV4&port=NUMBER[&from=IPV4]\n"],
  ["/source-udp?host=127.0.0.1&port=0", 400, "usage: /source-udp?host=IPV4&port=NUMBER[&from=IPV4]\n"],
])("refuses %s", async (path, status, text) => {
  expect(await get(path)).toEqual([status, text]);
});

test("says that nobody answered", async () => {
  const [status, text] = await get(`/source?host=127.0.0.1&port=${await freePort()}`);
  expect([status, text]).toEqual([502, expect.stringContaining("ECONNREFUSED")]);
});

test("ends on SIGTERM", async () => {
  server.kill("SIGTERM");
  const [code] = (await once(server, "exit")) as [number];
  expect(code).toBe(0);
});
