// The transport as it ships, against the stand-in on a socket with its metadata server: tokens, connections, errors.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { bundled } from "../../../controller-image/build";
import type { Clock } from "../../../controller-image/src/kube/api";
import { systemClock } from "../../../controller-image/src/kube/clock";
import { ComputeCloud, MetadataServer, serveCompute, type ComputeServer } from "../../../lab/cloud";

// It makes a bundle and starts processes, which a machine that has much to do takes its time for.
jest.setTimeout(300_000);

interface Answered {
  readonly status?: number;
  readonly body?: unknown;
  readonly name?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly cause?: string;
  readonly everything?: string;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly endAfterMs?: number;
  /** Empty: none is given. @default the stand-in's */
  readonly endpoint?: string;
}

/** One running program that has the transport. */
class Program {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answered: Answered) => void>();
  #ids = 0;
  output = "";

  constructor(env: Readonly<Record<string, string>>) {
    // Nothing of this machine's own credentials.
    const own = { PATH: process.env["PATH"] ?? "", HOME: folder, DETECT_GCP_RETRIES: "0" };
    this.#child = spawn(process.execPath, [program], { env: { ...own, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    programs.push(this.#child);
    this.#child.stderr?.on("data", (bytes: Buffer) => (this.output += bytes.toString()));
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.output += line;
      const { id, ...answered } = JSON.parse(line) as Answered & { readonly id: number };
      this.#waiting.get(id)?.(answered);
    });
  }

  ask(request: Asked): Promise<Answered> {
    const id = ++this.#ids;
    // Without its last slash, which is given as well below.
    const endpoint = `${server.url}compute/v1`;
    this.#child.stdin?.write(`${JSON.stringify({ id, endpoint, ...request })}\n`);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}

const folder = mkdtempSync(path.join(tmpdir(), "podpin-transport-"));
const program = path.join(folder, "program.js");
const programs: ChildProcess[] = [];
const timers = new Set<() => void>();
/** Tokens of an hour must not keep the suite waiting for one. */
const clock: Clock = {
  ...systemClock,
  after: (ms, callback) => {
    const cancel = systemClock.after(ms, callback);
    timers.add(cancel);
    return cancel;
  },
};
const closing: (() => Promise<void>)[] = [];
let cloud: ComputeCloud;
let metadata: MetadataServer;
let server: ComputeServer;
/** A program on a VM of the stand-in. */
let vm: Program;

beforeAll(async () => {
  writeFileSync(program, await bundled(path.join(__dirname, "transport-program.ts")));
  cloud = new ComputeCloud({ clock, operation: 1 });
  cloud.make("regions/us-central1", "addresses", { name: "web", address: "203.0.113.7" });
  metadata = new MetadataServer(cloud, clock);
  server = await serveCompute(cloud, { metadata });
  vm = new Program({ GCE_METADATA_HOST: new URL(server.url).host });
});

afterAll(async () => {
  programs.forEach((child) => child.kill());
  await Promise.all([server.close(), ...closing.map((close) => close())]);
  timers.forEach((cancel) => cancel());
  rmSync(folder, { recursive: true });
  expect(server.mistakes).toEqual([]);
});

const ADDRESS = { method: "GET", path: "regions/us-central1/addresses/web" };

test("asks with a token of the metadata server, and sends and gets JSON", async () => {
  expect(await vm.ask(ADDRESS)).toMatchObject({ status: 200, body: { name: "web", address: "203.0.113.7" } });
  const body = { name: "made", description: "größer" };
  const made = await vm.ask({ method: "POST", path: "regions/us-central1/addresses", body });
  expect(made).toMatchObject({ status: 200, body: { kind: "compute#operation" } });
  const refused = await vm.ask({ method: "POST", path: "regions/us-central1/addresses", body: { nome: "x" } });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 400 } } });
  expect(vm.output).toContain("plain HTTP: whoever is on the way can read the controller's token");
});

test("a token that is taken back is answered with 401 once, and the next call has a new one", async () => {
  await vm.ask(ADDRESS);
  metadata.expire();
  expect(await vm.ask(ADDRESS)).toMatchObject({ status: 401, body: { error: { errors: [{ reason: "authError" }] } } });
  expect(await vm.ask(ADDRESS)).toMatchObject({ status: 200 });
});

test("a call that is ended ends, and one that finds nobody says so; no token is in what either says", async () => {
  const silent = await serving(() => undefined);
  expect(await vm.ask({ ...ADDRESS, endpoint: silent.endpoint, endAfterMs: 20 })).toMatchObject({ name: "Error" });
  const nobody = await vm.ask({ ...ADDRESS, endpoint: await nobodyThere() });
  expect(nobody).toMatchObject({
    name: "Error",
    message: expect.stringMatching(/ECONNREFUSED/),
    cause: "undefined",
  });
  expect(vm.output).not.toContain("lab-token");
});

test("one connection carries call after call", async () => {
  let connections = 0;
  const counting = await serving((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  counting.server.on("connection", () => connections++);
  for (let call = 0; call < 10; call++) {
    expect(await vm.ask({ ...ADDRESS, endpoint: counting.endpoint })).toMatchObject({ status: 200, body: {} });
  }
  expect(connections).toBe(1);
});

test("what is not JSON is an answer without a body", async () => {
  const { endpoint } = await serving((_request, response) => {
    response.writeHead(502, { "content-type": "text/html" }).end("<html>bad gateway</html>");
  });
  expect(await vm.ask({ ...ADDRESS, endpoint })).toEqual({ status: 502 });
});

const ADVICE =
  "on GKE bind the Kubernetes service account of the controller by Workload Identity Federation (PersistentIpController does), and let its node pool run with workloadMetadataConfig GKE_METADATA; elsewhere name a file of credentials in GOOGLE_APPLICATION_CREDENTIALS";

test("without credentials it is an error that says what to do, again and again, and nothing ends", async () => {
  const alone = new Program({ METADATA_SERVER_DETECTION: "none" });
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(await alone.ask(ADDRESS)).toMatchObject({
      name: "ComputeError",
      reason: "noCredentials",
      message: `No credentials for Google Cloud: Could not load the default credentials; ${ADVICE}`,
    });
  }
});

test("a metadata server that comes up later is found, and one that has no token for the Pod is said to have none", async () => {
  let state: "down" | "up" | "bare" = "down";
  const late = await serving(({ url = "", headers }, response) => {
    if (state === "down") return response.writeHead(404).end();
    const token = state === "bare" && url.includes("/token");
    const { status, type, body } = metadata.answer(url, headers as Record<string, string>);
    return response.writeHead(token ? 403 : status, { "metadata-flavor": "Google", "content-type": type }).end(body);
  });
  const early = new Program({ GCE_METADATA_HOST: new URL(late.endpoint).host });
  expect(await early.ask(ADDRESS)).toMatchObject({ reason: "noCredentials" });
  state = "bare";
  expect(await early.ask(ADDRESS)).toMatchObject({
    reason: "noCredentials",
    message: `No credentials for Google Cloud: the metadata server refuses a token with 403; ${ADVICE}`,
  });
  state = "up";
  expect(await early.ask(ADDRESS)).toMatchObject({ status: 200 });
});

test("without an endpoint it asks the API of the universe that the metadata server names, by way of the proxy", async () => {
  const asked: string[] = [];
  const proxy = await serving((_request, response) => response.writeHead(400).end());
  proxy.server.on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  const universe = await serving(({ url = "", headers }, response) => {
    const { status, type, body } = metadata.answer(url, headers as Record<string, string>);
    const own = url.includes("universe") ? "universe.example" : body;
    response.writeHead(status, { "metadata-flavor": "Google", "content-type": type }).end(own);
  });
  const elsewhere = new Program({
    GCE_METADATA_HOST: new URL(universe.endpoint).host,
    HTTPS_PROXY: new URL(proxy.endpoint).origin,
    NO_PROXY: "127.0.0.1",
  });
  expect(await elsewhere.ask({ ...ADDRESS, endpoint: "" })).toEqual({ status: 502 });
  expect(asked).toEqual(["compute.universe.example:443"]);
  expect(elsewhere.output).not.toContain("lab-token");
});

test("a file of credentials that is none is an error without what is in it", async () => {
  const file = path.join(folder, "key.json");
  writeFileSync(file, "-----BEGIN PRIVATE KEY----- hidden");
  const elsewhere = new Program({ GOOGLE_APPLICATION_CREDENTIALS: file });
  const { message } = await elsewhere.ask(ADDRESS);
  expect(message).toBe(
    `No credentials for Google Cloud: Unable to read the credential file specified by the GOOGLE_APPLICATION_CREDENTIALS environment variable: it is not JSON; ${ADVICE}`,
  );
  expect(elsewhere.output).not.toContain("hidden");
});

interface Serving {
  /** As for the transport. */
  readonly endpoint: string;
  readonly server: Server;
}

/** A server on loopback until the end of the suite. */
async function serving(listener: NonNullable<Parameters<typeof createServer>[1]>): Promise<Serving> {
  const made = createServer(listener);
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    made.closeAllConnections();
    await new Promise((resolve) => made.close(resolve));
  });
  return { endpoint: `http://127.0.0.1:${(made.address() as AddressInfo).port}/compute/v1/`, server: made };
}

/** A place on which nothing listens: it belongs to a connection of ours, so that nobody else can take it. */
async function nobodyThere(): Promise<string> {
  const { server: listening } = await serving(() => undefined);
  const { port: taken } = listening.address() as AddressInfo;
  const socket = connect(taken, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  closing.push(() => Promise.resolve(void socket.destroy()));
  return `http://127.0.0.1:${socket.localPort ?? 0}/compute/v1/`;
}
