// The small parts that a process is made of: configuration, log, health, backoff.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Backoff } from "../../controller-image/src/kube/backoff";
import { systemClock } from "../../controller-image/src/kube/clock";
import { inClusterConfig, RenewableText } from "../../controller-image/src/kube/config";
import { startHealth } from "../../controller-image/src/kube/health";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import { errorText, jsonLog } from "../../controller-image/src/kube/log";
import { VirtualClock } from "../support/virtual-clock";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "podpin-kube-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("no timer of the machine's clock fires before its time, as who asked for it looks at the same clock", async () => {
  const early = await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const [began, ms] = [systemClock.now(), 1 + index / 7];
      return new Promise<number>((resolve) => systemClock.after(ms, () => resolve(began + ms - systemClock.now())));
    }),
  );
  expect(early.filter((by) => by > 0)).toEqual([]);
});

test("a timer of the machine's clock that was cancelled does not fire", async () => {
  const fired: string[] = [];
  const cancel = systemClock.after(1, () => fired.push("cancelled"));
  cancel();
  await new Promise<void>((resolve) => systemClock.after(5, resolve));
  expect(fired).toEqual([]);
});

describe("configuration", () => {
  const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

  test("of a Pod comes from its environment and its ServiceAccount's files", () => {
    for (const name of ["token", "ca.crt"]) writeFileSync(join(folder, name), name);
    const files = { token: { file: join(folder, "token") }, ca: { file: join(folder, "ca.crt") } };
    expect(inClusterConfig(env, folder)).toEqual({ server: "https://10.96.0.1:443", ...files });
    expect(inClusterConfig({ ...env, KUBERNETES_SERVICE_HOST: "fd00::1" }, folder).server).toBe(
      "https://[fd00::1]:443",
    );
  });

  test("outside of a Pod says what is missing", () => {
    expect(() => inClusterConfig({}, folder)).toThrow(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: got "" and ""; run inside a Pod, or set them to the API server\'s address and port',
    );
    expect(() => inClusterConfig(env, folder)).toThrow(
      `${folder}/token and ${folder}/ca.crt: got no such file; give the Pod a ServiceAccount and automountServiceAccountToken: true`,
    );
  });

  test("a renewed file is read within a minute, and a file that vanishes leaves the last text in use", () => {
    const clock = new VirtualClock();
    const file = join(folder, "token");
    writeFileSync(file, "one\n");
    const token = new RenewableText({ file }, clock);
    expect(token.get()).toBe("one");
    writeFileSync(file, "two\n");
    clock.advance(59_999);
    expect(token.get()).toBe("one");
    clock.advance(1);
    expect(token.get()).toBe("two");
    rmSync(file);
    expect([token.reread(), token.get()]).toEqual([false, "two"]);
    expect(() => new RenewableText({ file }, clock).get()).toThrow("ENOENT");
  });

  const kubeconfig = {
    "current-context": "lab",
    contexts: [{ name: "lab", context: { cluster: "lab", user: "admin" } }],
    clusters: [
      {
        name: "lab",
        cluster: {
          server: "https://127.0.0.1:6443",
          "certificate-authority-data": Buffer.from("CA").toString("base64"),
        },
      },
    ],
    users: [{ name: "admin", user: { token: "secret" } }],
  };

  test("of a kubeconfig takes the context's cluster and user", () => {
    expect(kubeconfigOf(kubeconfig)).toEqual({
      server: "https://127.0.0.1:6443",
      ca: "CA",
      token: "secret",
      insecureSkipTlsVerify: false,
    });
  });

  test("of a kubeconfig says which context there is, and which credentials it cannot use", () => {
    expect(() => kubeconfigOf(kubeconfig, { context: "prod" })).toThrow(
      'kubeconfig: context: got "prod"; the file has "lab"',
    );
    const exec = { ...kubeconfig, users: [{ name: "admin", user: { exec: { command: "helper" } } }] };
    expect(() => kubeconfigOf(exec)).toThrow("kubeconfig: users[].user.exec: got a credential of a kind that is not");
  });
});

describe("log", () => {
  test("is one JSON object per line, without what is below its level", () => {
    const lines: string[] = [];
    const log = jsonLog({ write: (line) => lines.push(line), wallTime: () => 0, fields: { node: "node-a" } });
    log("debug", "left out");
    log("info", "two\nlines", { count: 2, big: 3n });
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"two\\nlines","node":"node-a","count":2,"big":"3"}',
    ]);
  });

  test("says the cause of an error, and survives what cannot be printed", () => {
    const lines: string[] = [];
    const log = jsonLog({ write: (line) => lines.push(line), wallTime: () => 0 });
    log("warn", "failed", { error: new Error("cannot connect", { cause: new Error("ECONNREFUSED") }) });
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    log("warn", "odd", { cycle });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ error: "cannot connect: ECONNREFUSED" });
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({
      message: "odd",
      unprintable: expect.stringContaining("circular"),
    });
    expect(errorText("plain")).toBe("plain");
  });
});

describe("health", () => {
  const get = async (port: number, path: string, method = "GET"): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [answer.status, await answer.text()];
  };

  test("answers ready or the reasons why not, one line each", async () => {
    let reasons: string[] = ["Pod: not listed yet", "Node (v1) is not served"];
    const notReady = (): string[] => reasons;
    const health = await startHealth({ host: "127.0.0.1", port: 0, log: () => undefined, notReady });
    try {
      expect(await get(health.port, "/readyz")).toEqual([503, "Pod: not listed yet\nNode (v1) is not served\n"]);
      reasons = [];
      expect(await get(health.port, "/readyz?verbose")).toEqual([200, "ok\n"]);
      expect(await get(health.port, "/healthz")).toEqual([200, "ok\n"]);
      expect(await get(health.port, "/metrics")).toEqual([404, "try /healthz, /readyz\n"]);
      expect(await get(health.port, "/readyz", "POST")).toEqual([405, "use GET\n"]);
    } finally {
      await health.close();
    }
  });

  test("serves metrics where there are some, and an error where a page fails", async () => {
    const options = { host: "127.0.0.1", port: 0, log: () => undefined, metrics: () => "up 1\n" };
    const notReady = (): string[] => {
      throw new Error("broken");
    };
    const health = await startHealth({ ...options, notReady });
    try {
      expect(await get(health.port, "/metrics")).toEqual([200, "up 1\n"]);
      expect(await get(health.port, "/readyz")).toEqual([500, "broken\n"]);
      await expect(startHealth({ ...options, port: health.port, notReady })).rejects.toThrow(
        `health server: got 127.0.0.1:${health.port}; it cannot be listened on, choose a free address and port`,
      );
    } finally {
      await health.close();
    }
  });
});

test("backoff doubles up to its limit, is spread over the whole range, and starts over on progress", () => {
  const waits = (random: number): number[] => {
    const clock = Object.assign(new VirtualClock(), { random: () => random });
    const backoff = new Backoff(clock, { firstMs: 800, maxMs: 30_000 });
    const found = Array.from({ length: 8 }, () => backoff.nextMs());
    backoff.reset();
    return [...found, backoff.nextMs()];
  };
  expect(waits(0)).toEqual(Array.from({ length: 9 }, () => 0));
  expect(waits(0.5)).toEqual([400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000, 400]);
});
