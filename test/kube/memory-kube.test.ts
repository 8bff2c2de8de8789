import type { Change, KubeError } from "../../controller-image/src/kube/api";
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { MemoryKube, memoryKube, type MemoryServer } from "../support/memory-kube";
import { settle, VirtualClock } from "../support/virtual-clock";

const { addressBindings, configMaps, pods } = RESOURCES;

function binding(address: string, nodeName = "node-a"): AddressBinding {
  return {
    metadata: { name: address },
    spec: {
      address,
      epoch: 1,
      route: { namespace: "edge", name: "db", uid: "r" },
      nodeName,
      delivery: "nat",
      fabric: "l2",
      network: "default",
    },
  };
}

const text = (change: Change<KubeObject>): string => `${change.type} ${change.key}`;
const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = (await promise.then(
    () => {
      throw new Error("the request was not refused");
    },
    (thrown: unknown) => thrown,
  )) as KubeError;
  return `${error.status} ${error.reason}`;
};

let clock: VirtualClock;
let kube: MemoryKube;
let server: MemoryServer;
beforeEach(() => {
  clock = new VirtualClock();
  kube = memoryKube({ clock });
  server = kube.server;
});

describe("objects", () => {
  test("a created object has uid, version, generation 1 and the clock's time, and no status", async () => {
    await clock.run(90_500);
    const created = await kube.create(addressBindings, { ...binding("192.0.2.7"), status: { acks: [] } });
    expect(created.metadata).toEqual({
      name: "192.0.2.7",
      uid: "00000000-0000-4000-8000-000000000001",
      resourceVersion: "1",
      generation: 1,
      creationTimestamp: "2026-01-01T00:01:30Z",
    });
    expect(created.status).toBeUndefined();
    expect(await refusal(kube.create(addressBindings, binding("192.0.2.7")))).toBe("409 AlreadyExists");
  });

  test("a stale replace conflicts, a replace without a version is refused, and a missing object is 404", async () => {
    const first = await kube.create(addressBindings, binding("192.0.2.7"));
    const moved = { ...first, spec: { ...first.spec, epoch: 2 } };
    const second = await kube.replace(addressBindings, moved);
    expect(second.metadata).toMatchObject({ generation: 2, resourceVersion: "2" });
    expect(await refusal(kube.replace(addressBindings, moved))).toBe("409 Conflict");
    expect(await refusal(kube.replace(addressBindings, binding("192.0.2.7")))).toBe("422 Invalid");
    expect(await refusal(kube.replace(addressBindings, binding("192.0.2.8")))).toBe("404 NotFound");
    expect(await kube.get(addressBindings, { name: "192.0.2.8" })).toBeUndefined();
  });

  test("spec writes leave status alone, status writes leave spec alone and the generation too", async () => {
    const created = await kube.create(addressBindings, binding("192.0.2.7"));
    const acks = [{ nodeName: "node-a", epoch: 1, podUid: "p", state: "Programmed" as const }];
    const spec = { ...created.spec, epoch: 9 };
    const withStatus = await kube.replace(addressBindings, { ...created, spec, status: { acks } }, "status");
    expect(withStatus).toMatchObject({ spec: { epoch: 1 }, status: { acks }, metadata: { generation: 1 } });
    const withSpec = await kube.replace(addressBindings, { ...withStatus, spec, status: { acks: [] } });
    expect(withSpec).toMatchObject({ spec: { epoch: 9 }, status: { acks }, metadata: { generation: 2 } });
  });

  test("a write that changes nothing makes no new version and no event", async () => {
    const created = await kube.create(addressBindings, binding("192.0.2.7"));
    const again = await kube.replace(addressBindings, created);
    const patched = await kube.mergePatch(addressBindings, created.metadata, { spec: { epoch: 1 } });
    expect([again.metadata.resourceVersion, patched.metadata.resourceVersion, server.version]).toEqual(["1", "1", 1]);
  });

  test("a merge patch deletes with null, and with a version in it compares and swaps", async () => {
    const object: KubeObject & { data: object } = {
      metadata: { name: "ranges", namespace: "podpin-system" },
      data: { a: "1", b: "2" },
    };
    const created = await kube.create(configMaps, object);
    const patched = await kube.mergePatch(configMaps, created.metadata, { data: { a: null, c: "3" } });
    expect(patched).toMatchObject({ data: { b: "2", c: "3" } });
    expect(patched).not.toHaveProperty("data.a");
    const stale = { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { d: "4" } };
    expect(await refusal(kube.mergePatch(configMaps, created.metadata, stale))).toBe("409 Conflict");
  });

  test("a finalizer keeps a deleted object until it is taken off", async () => {
    const finalizers = ["podpin.dev/address-release"];
    const created = await kube.create(addressBindings, {
      ...binding("192.0.2.7"),
      metadata: { name: "x", finalizers },
    });
    await kube.delete(addressBindings, { name: "x" });
    await kube.delete(addressBindings, { name: "x" });
    const waiting = await kube.get(addressBindings, { name: "x" });
    expect(waiting?.metadata).toMatchObject({ deletionTimestamp: "2026-01-01T00:00:00Z", generation: 2 });
    await kube.mergePatch(addressBindings, created.metadata, { metadata: { finalizers: [] } });
    expect(await kube.get(addressBindings, { name: "x" })).toBeUndefined();
    await kube.delete(addressBindings, { name: "x" });
  });

  test("a deletion with preconditions spares the successor of the same name", async () => {
    const first = await kube.create(addressBindings, binding("192.0.2.7"));
    await kube.delete(addressBindings, { name: "192.0.2.7" }, { uid: first.metadata.uid });
    await kube.create(addressBindings, binding("192.0.2.7"));
    const late = kube.delete(addressBindings, { name: "192.0.2.7" }, { uid: first.metadata.uid });
    expect(await refusal(late)).toBe("409 Conflict");
  });

  test("objects are frozen, so that a cache cannot be edited in place", async () => {
    const created = await kube.create(addressBindings, binding("192.0.2.7"));
    expect(() => Object.assign(created.spec, { epoch: 5 })).toThrow(TypeError);
  });
});

describe("server-side apply", () => {
  const ack = (nodeName: string, state: string, more: object = {}) => ({
    metadata: { name: "192.0.2.7" },
    status: { acks: [{ nodeName, epoch: 1, podUid: "p", state, ...more }] },
  });
  const apply = (nodeName: string, object: KubeObject) =>
    kube.apply<KubeObject>(addressBindings, object, `podpin-agent-${nodeName}`, "status") as Promise<AddressBinding>;

  test("two agents keep one entry each, and each changes only its own", async () => {
    await kube.create(addressBindings, binding("192.0.2.7"));
    await apply("node-a", ack("node-a", "Programmed"));
    await apply("node-b", ack("node-b", "Failed", { reason: "NoRoute", message: "no route" }));
    const result = await apply("node-a", ack("node-a", "Released"));
    expect(result.status?.acks).toEqual([
      { nodeName: "node-a", epoch: 1, podUid: "p", state: "Released" },
      { nodeName: "node-b", epoch: 1, podUid: "p", state: "Failed", reason: "NoRoute", message: "no route" },
    ]);
    expect(result.spec.epoch).toBe(1);
  });

  test("a field that a manager applied before and leaves out now goes; so does its whole entry", async () => {
    await kube.create(addressBindings, binding("192.0.2.7"));
    await apply("node-a", ack("node-a", "Failed", { reason: "NoRoute" }));
    await apply("node-b", ack("node-b", "Programmed"));
    const mended = await apply("node-a", ack("node-a", "Programmed"));
    expect(mended.status?.acks?.[0]).toEqual({ nodeName: "node-a", epoch: 1, podUid: "p", state: "Programmed" });
    const left = await apply("node-a", { metadata: { name: "192.0.2.7" } });
    expect(left.status?.acks?.map((entry) => entry.nodeName)).toEqual(["node-b"]);
  });

  test("creates what does not exist, but a status only of what exists", async () => {
    expect(await refusal(apply("node-a", ack("node-a", "Programmed")))).toBe("404 NotFound");
    const created = await kube.apply(addressBindings, binding("192.0.2.7"), "podpin-controller");
    expect(created).toMatchObject({ apiVersion: "podpin.dev/v1alpha1", kind: "AddressBinding", spec: { epoch: 1 } });
  });
});

describe("reflectors", () => {
  test("deliver the list, then each change, and say what the cache held before", async () => {
    await kube.create(addressBindings, binding("192.0.2.7"));
    const changes: Change<AddressBinding>[] = [];
    const onChange = (change: Change<AddressBinding>): void => void changes.push(change);
    const onSynced = jest.fn();
    const reflector = kube.reflect<AddressBinding>({ resource: addressBindings, onChange, onSynced });
    expect(reflector.synced).toBe(false);
    await settle();
    expect([reflector.synced, onSynced.mock.calls.length]).toEqual([true, 1]);
    await kube.mergePatch(addressBindings, { name: "192.0.2.7" }, { spec: { epoch: 2 } });
    await kube.delete(addressBindings, { name: "192.0.2.7" });
    await settle();
    expect(changes.map((change) => [text(change), change.old?.spec.epoch])).toEqual([
      ["set 192.0.2.7", undefined],
      ["set 192.0.2.7", 1],
      ["delete 192.0.2.7", 2],
    ]);
  });

  test("an object that moves out of a field selector is deleted there and set where it moved to", async () => {
    await kube.create(addressBindings, binding("192.0.2.7", "node-a"));
    const seen: string[] = [];
    for (const node of ["node-a", "node-b"]) {
      const fieldSelector = `spec.nodeName=${node}`;
      kube.reflect({ resource: addressBindings, fieldSelector, onChange: (c) => seen.push(`${node}: ${text(c)}`) });
    }
    const fieldSelector = "spec.releasing.nodeName=node-a";
    kube.reflect({ resource: addressBindings, fieldSelector, onChange: (c) => seen.push(`releasing: ${text(c)}`) });
    await settle();
    const releasing = { nodeName: "node-a", epoch: 1, forwardTo: "10.0.0.2", wait: true };
    await kube.mergePatch(
      addressBindings,
      { name: "192.0.2.7" },
      { spec: { nodeName: "node-b", epoch: 2, releasing } },
    );
    await settle();
    expect(seen).toEqual([
      "node-a: set 192.0.2.7",
      "node-a: delete 192.0.2.7",
      "node-b: set 192.0.2.7",
      "releasing: set 192.0.2.7",
    ]);
  });

  test("one client may see the world later than another", async () => {
    const slow = new MemoryKube(server, { clock, delivery: "manual" });
    const seen: string[] = [];
    kube.reflect({ resource: addressBindings, onChange: (c) => seen.push(`fast ${text(c)}`) });
    const late = slow.reflect({ resource: addressBindings, onChange: (c) => seen.push(`slow ${text(c)}`) });
    expect([slow.deliver(), late.synced]).toEqual([1, true]);
    await kube.create(addressBindings, binding("192.0.2.7"));
    await kube.create(addressBindings, binding("192.0.2.8"));
    await settle();
    expect([slow.undelivered, slow.deliver(1)]).toEqual([2, 1]);
    expect(seen).toEqual(["fast set 192.0.2.7", "fast set 192.0.2.8", "slow set 192.0.2.7"]);
  });

  test("a client without network fails its requests and catches up afterwards", async () => {
    const seen: string[] = [];
    const reflector = kube.reflect({ resource: pods, namespace: "edge", onChange: (c) => seen.push(text(c)) });
    await settle();
    kube.connected = false;
    expect(reflector.lastError).toBe("the API server cannot be reached");
    expect(await refusal(kube.get(pods, { namespace: "edge", name: "db-0" }))).toBe("0 ConnectionLost");
    server.put(pods, { metadata: { namespace: "edge", name: "db-0" } });
    server.put(pods, { metadata: { namespace: "other", name: "db-0" } });
    await settle();
    expect(seen).toEqual([]);
    kube.connected = true;
    await settle();
    expect([seen, reflector.synced, reflector.lastError]).toEqual([["set edge/db-0"], true, undefined]);
  });

  test("a relist reports a deletion whose event was lost, and nothing that did not change", async () => {
    const manual = new MemoryKube(server, { clock, delivery: "manual" });
    await kube.create(addressBindings, binding("192.0.2.7"));
    await kube.create(addressBindings, binding("192.0.2.8"));
    const seen: string[] = [];
    manual.reflect({ resource: addressBindings, onChange: (c) => seen.push(text(c)) });
    manual.deliver();
    seen.length = 0;
    await kube.delete(addressBindings, { name: "192.0.2.7" });
    await kube.create(addressBindings, binding("192.0.2.9"));
    manual.relist();
    manual.deliver();
    expect(seen).toEqual(["delete 192.0.2.7", "set 192.0.2.9"]);
  });

  test("a relist tells of a deletion before the object that has the same name now", async () => {
    const manual = new MemoryKube(server, { clock, delivery: "manual" });
    await kube.create(addressBindings, binding("192.0.2.7"));
    const seen: string[] = [];
    manual.reflect({ resource: addressBindings, onChange: (c) => seen.push(text(c)) });
    manual.deliver();
    await kube.delete(addressBindings, { name: "192.0.2.7" });
    await kube.create(addressBindings, binding("192.0.2.7"));
    manual.relist();
    manual.deliver();
    expect(seen).toEqual(["set 192.0.2.7", "delete 192.0.2.7", "set 192.0.2.7"]);
  });

  test("a kind that is not served yet syncs when its definition comes", async () => {
    server.serve(addressBindings, false);
    const reflector = kube.reflect({ resource: addressBindings, onChange: () => undefined });
    await settle();
    expect([reflector.synced, reflector.lastError]).toEqual([
      false,
      "AddressBinding (podpin.dev/v1alpha1) is not served by the API server",
    ]);
    server.serve(addressBindings, true);
    kube.relist();
    await settle();
    expect([reflector.synced, reflector.lastError]).toEqual([true, undefined]);
  });

  test("delays come from the clock and keep the order", async () => {
    const delayed = new MemoryKube(server, { clock, delivery: { minMs: 5, maxMs: 50 } });
    const seen: string[] = [];
    delayed.reflect({ resource: addressBindings, onChange: (c) => seen.push(text(c)) });
    await clock.run(50);
    const names = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    for (const name of names) await kube.create(addressBindings, binding(name));
    expect(seen).toEqual([]);
    await clock.run(150);
    expect(seen).toEqual(names.map((name) => `set ${name}`));
  });
});

describe("faults", () => {
  test("a lost answer leaves the write done, a lost request does not", async () => {
    kube.fault = ({ ref }) => (ref.name === "192.0.2.7" ? "answer-lost" : "request-lost");
    expect(await refusal(kube.create(addressBindings, binding("192.0.2.7")))).toBe("0 ConnectionLost");
    expect(await refusal(kube.create(addressBindings, binding("192.0.2.8")))).toBe("0 ConnectionLost");
    expect(server.list(addressBindings).map((object) => object.metadata.name)).toEqual(["192.0.2.7"]);
    expect(kube.writes.map((call) => `${call.verb} ${call.ref.name}`)).toEqual([
      "create 192.0.2.7",
      "create 192.0.2.8",
    ]);
  });
});
