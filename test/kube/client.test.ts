import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KubeError, type Kube } from "../../controller-image/src/kube/api";
import { pathOf } from "../../controller-image/src/kube/client";
import type { KubeConfig } from "../../controller-image/src/kube/config";
import { createKube } from "../../controller-image/src/kube/kube";
import { RESOURCES } from "../../lib/model/kubernetes";
import { FakeApiServer, until } from "../support/fake-api-server";
import { VirtualClock } from "../support/virtual-clock";

// Real connections: the machine may have other things to do.
jest.setTimeout(60_000);

const { addressBindings, configMaps, nodes } = RESOURCES;
const ref = { namespace: "edge", name: "ranges" };
const path = "/api/v1/namespaces/edge/configmaps/ranges";

let server: FakeApiServer;
let clock: VirtualClock;
let kube: Kube;
let records: string[];

function connectTo(config: Partial<KubeConfig> = {}): Kube {
  return createKube({
    config: { server: server.url, ...config },
    clock,
    log: () => undefined,
    userAgent: "podpin-test/0.1.0",
    onRequest: ({ method, path: asked, status }) => records.push(`${method} ${asked} ${status}`),
  });
}

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new VirtualClock();
  records = [];
  kube = connectTo();
});
afterEach(async () => {
  kube.close();
  await server.stop();
});

/** The error as a caller sees it. */
const refused = (promise: Promise<unknown>): Promise<KubeError> =>
  promise.then(
    () => {
      throw new Error("the request was not refused");
    },
    (error: KubeError) => error,
  );

test.each([
  [configMaps, { namespace: "edge" }, undefined, "/api/v1/namespaces/edge/configmaps"],
  [configMaps, {}, undefined, "/api/v1/configmaps"],
  [nodes, { name: "node-a" }, "status", "/api/v1/nodes/node-a/status"],
  [addressBindings, { name: "192.0.2.7" }, undefined, "/apis/podpin.dev/v1alpha1/addressbindings/192.0.2.7"],
  [nodes, { name: "../secrets?x" }, undefined, "/api/v1/nodes/..%2Fsecrets%3Fx"],
] as const)("finds the path of %j %j %s", (resource, given, subresource, expected) => {
  expect(pathOf(resource, given, subresource)).toBe(expected);
});

test("makes each call the request that the API server documents for it", async () => {
  const object = { metadata: { ...ref, resourceVersion: "5" } };
  const full = { apiVersion: "v1", kind: "ConfigMap", ...object };
  const cases: [() => Promise<unknown>, string, string, string, object | undefined][] = [
    [() => kube.get(configMaps, ref), "GET", path, "undefined", undefined],
    [
      () => kube.create(configMaps, object),
      "POST",
      "/api/v1/namespaces/edge/configmaps?fieldManager=podpin-test",
      "application/json",
      full,
    ],
    [() => kube.replace(configMaps, object), "PUT", `${path}?fieldManager=podpin-test`, "application/json", full],
    [
      () => kube.mergePatch(configMaps, ref, { data: { a: null } }, "status"),
      "PATCH",
      `${path}/status?fieldManager=podpin-test`,
      "application/merge-patch+json",
      { data: { a: null } },
    ],
    [
      () => kube.apply(configMaps, object, "podpin-agent-node a", "status"),
      "PATCH",
      `${path}/status?fieldManager=podpin-agent-node%20a&force=true`,
      "application/apply-patch+yaml",
      full,
    ],
    [
      () => kube.delete(configMaps, ref, { uid: "u" }),
      "DELETE",
      path,
      "application/json",
      { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: "u" } },
    ],
  ];
  for (const [act, method, asked, contentType, body] of cases) {
    const answer = act();
    const request = await server.next();
    expect([request.method, request.headers[":path"], String(request.headers["content-type"])]).toEqual([
      method,
      asked,
      contentType,
    ]);
    expect(request.headers["user-agent"]).toBe("podpin-test/0.1.0");
    expect(request.body === "" ? undefined : JSON.parse(request.body)).toEqual(body);
    request.answer(200, full);
    await answer;
  }
  expect(records[0]).toBe(`GET ${path} 200`);
});

test("a missing object is undefined for get and success for delete, and an error for every write", async () => {
  const calls: [Promise<unknown>, unknown][] = [
    [kube.get(configMaps, ref), undefined],
    [kube.delete(configMaps, ref), undefined],
  ];
  for (const [promise, expected] of calls) {
    (await server.next()).refuse(404, "NotFound");
    expect(await promise).toBe(expected);
  }
  const patch = refused(kube.mergePatch(configMaps, ref, {}));
  (await server.next()).refuse(404, "NotFound");
  expect(await patch).toMatchObject({ status: 404, reason: "NotFound" });
});

test("a refusal carries the server's reason and words, and says which request it was", async () => {
  const write = refused(kube.replace(configMaps, { metadata: ref }));
  (await server.next()).refuse(409, "Conflict");
  const error = await write;
  expect([error.status, error.reason, error.message]).toEqual([
    409,
    "Conflict",
    `PUT ${path}?fieldManager=podpin-test: refused as Conflict (409)`,
  ]);
  expect(error).toBeInstanceOf(KubeError);
});

test("an answer that is no Status still makes an error that can be read", async () => {
  const write = refused(kube.create(configMaps, { metadata: ref }));
  (await server.next()).answer(502, "bad gateway\n");
  expect(await write).toMatchObject({
    status: 502,
    reason: "Http502",
    message: expect.stringContaining("bad gateway"),
  });
});

test("a read is tried again, as late as the server asks; a write is not", async () => {
  const read = kube.get(configMaps, ref);
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "2" });
  await until("the wait", () => clock.waits.includes(2_000));
  clock.advance(2_000);
  (await server.next()).answer(200, { metadata: ref });
  expect(await read).toEqual({ metadata: ref });
  const write = refused(kube.create(configMaps, { metadata: ref }));
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "2" });
  expect(await write).toMatchObject({ status: 429, retryAfterSeconds: 2 });
});

test("a read gives up after four attempts, and at once when it is told to wait for long", async () => {
  const read = refused(kube.get(configMaps, ref));
  for (let attempt = 0; attempt < 4; attempt++) {
    (await server.next()).refuse(503, "ServiceUnavailable");
    if (attempt === 3) break;
    await until("the wait", () => clock.waits.some((ms) => ms <= 2_000));
    clock.advance(clock.waits[0] ?? 0);
  }
  expect(await read).toMatchObject({ status: 503 });
  const busy = refused(kube.get(configMaps, ref));
  (await server.next()).refuse(503, "ServiceUnavailable", { "retry-after": "60" });
  expect(await busy).toMatchObject({ status: 503, retryAfterSeconds: 60 });
});

test("a write whose connection breaks fails at once with status 0, because nobody knows whether it was done", async () => {
  const write = refused(kube.create(configMaps, { metadata: ref }));
  (await server.next()).breakOff();
  expect(await write).toMatchObject({ status: 0, reason: "ConnectionLost" });
});

test("a request that gets no answer fails after 10 s", async () => {
  const write = refused(kube.create(configMaps, { metadata: ref }));
  const request = await server.next();
  clock.advance(10_000);
  expect(await write).toMatchObject({
    status: 0,
    reason: "Timeout",
    message: "POST /api/v1/namespaces/edge/configmaps?fieldManager=podpin-test: no answer within 10000 ms",
  });
  await until("the request is given up", () => request.closed);
});

test("says where it could not connect, and does not try again at once", async () => {
  const lost = createKube({
    config: { server: "http://127.0.0.1:1" },
    clock,
    log: () => undefined,
    userAgent: "podpin-test/0",
  });
  const error = await refused(lost.create(configMaps, { metadata: ref }));
  expect([error.reason, error.message]).toEqual(["ConnectionFailed", "cannot connect to http://127.0.0.1:1"]);
  expect(String((error.cause as Error).message)).toContain("ECONNREFUSED");
  // The next attempt keeps a distance, so that a thousand failing requests are no thousand connections.
  const second = refused(lost.create(configMaps, { metadata: ref }));
  expect(clock.waits.filter((ms) => ms > 0 && ms <= 100).length).toBe(1);
  lost.close();
  expect(await second).toMatchObject({ status: 0, reason: "Closed" });
});

test("a token that the server no longer takes is read anew, once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "podpin-token-"));
  try {
    const file = join(folder, "token");
    writeFileSync(file, "first\n");
    kube = connectTo({ token: { file } });
    const read = kube.get(configMaps, ref);
    const request = await server.next();
    expect(request.headers["authorization"]).toBe("Bearer first");
    writeFileSync(file, "second\n");
    request.refuse(401, "Unauthorized");
    const again = await server.next();
    expect(again.headers["authorization"]).toBe("Bearer second");
    again.answer(200, { metadata: ref });
    await read;
    const hopeless = refused(kube.get(configMaps, ref));
    (await server.next()).refuse(401, "Unauthorized");
    expect(await hopeless).toMatchObject({ status: 401, reason: "Unauthorized" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("close ends what is under way and refuses what comes after", async () => {
  const write = refused(kube.create(configMaps, { metadata: ref }));
  await server.next();
  kube.close();
  expect(await write).toMatchObject({ status: 0, reason: "Closed" });
  expect(await refused(kube.create(configMaps, { metadata: ref }))).toMatchObject({ status: 0, reason: "Closed" });
  expect(() => kube.reflect({ resource: configMaps, onChange: () => undefined })).toThrow(KubeError);
  expect(clock.pending).toBe(0);
});

test("an object without a namespace, or without a name, never becomes a request for something larger", async () => {
  await expect(kube.get(configMaps, { name: "ranges" })).rejects.toThrow(
    'ConfigMap "ranges": metadata.namespace: got nothing; name the namespace',
  );
  await expect(kube.delete(nodes, { name: "" })).rejects.toThrow("Node: metadata.name: got nothing; name the object");
  expect(server.requests).toEqual([]);
});
