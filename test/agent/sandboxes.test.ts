import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  type Claim,
  claimOf,
  parseResult,
  type RuntimeRecord,
  type Sandbox,
  sandboxReader,
} from "../../controller-image/src/agent/sandboxes";
import { ack, binding } from "./bindings";
import { podHop } from "./memory-kernel";
import { VirtualClock } from "../support/virtual-clock";
import { A, POD, World } from "./world";

const sandbox = (podUid: string, ip: string, since = 0): Sandbox => ({ podUid, ips: [ip], since });

/** A file that could not be read. */
const unread = (since: number, waits = true): RuntimeRecord => ({ unread: true, waits, since });

describe("whose a Pod address is", () => {
  test.each<[string, readonly RuntimeRecord[] | undefined, Claim]>([
    ["a runtime that keeps nothing", undefined, "unknown"],
    ["a runtime that writes no UIDs", [], "unknown"],
    ["the Pod itself", [sandbox("uid-1", POD)], "holds"],
    ["another Pod", [sandbox("uid-2", POD)], "other"],
    [
      "the newer of two, one of which a crash left behind",
      [sandbox("uid-2", POD, 2), sandbox("uid-1", POD, 1)],
      "other",
    ],
    ["the same in the other order", [sandbox("uid-2", POD, 1), sandbox("uid-1", POD, 2)], "holds"],
    ["nobody, while the Pod is here with another address", [sandbox("uid-1", "10.244.1.99")], "holds"],
    ["nobody, and the Pod is not here", [sandbox("uid-3", "10.244.1.99")], "absent"],
    ["perhaps what a newer file says that cannot be read", [sandbox("uid-1", POD, 1), unread(2)], "unread"],
    ["the same of another Pod", [sandbox("uid-2", POD, 1), unread(1)], "unread"],
    ["what an older file says does not count", [sandbox("uid-1", POD, 2), unread(1)], "holds"],
    ["the same of another Pod's", [sandbox("uid-2", POD, 2), unread(1)], "other"],
    ["nobody, or whose is in a file that cannot be read", [sandbox("uid-3", "10.244.1.99", 5), unread(1)], "unread"],
    [
      "of a Pod that is here, perhaps a file that cannot be read",
      [sandbox("uid-1", "10.244.1.99", 5), unread(1)],
      "unread",
    ],
    ["a file alone that cannot be read", [unread(1)], "unread"],
    ["a newer file that was waited for in vain", [sandbox("uid-2", POD, 1), unread(2, false)], "unknown"],
    ["an older file that was waited for in vain", [sandbox("uid-2", POD, 2), unread(1, false)], "other"],
  ])("%s", (_title, sandboxes, claim) => {
    expect(claimOf(sandboxes, "uid-1", POD)).toBe(claim);
  });
});

describe("the runtime's files", () => {
  const cached = (result: object, args: readonly unknown[] = [["K8S_POD_UID", "uid-1"]]): string =>
    JSON.stringify({
      kind: "cniCacheV1",
      containerId: "abc",
      ifName: "eth0",
      networkName: "lab",
      cniArgs: args,
      result,
    });

  test.each<[string, string, ReturnType<typeof parseResult>]>([
    [
      "of today",
      cached({ cniVersion: "1.0.0", ips: [{ address: "10.244.1.11/24" }, { address: "fd00::1/64" }] }),
      { podUid: "uid-1", ips: ["10.244.1.11", "fd00::1"] },
    ],
    ["of CNI 0.2", cached({ ip4: { ip: "10.244.1.11/24" } }), { podUid: "uid-1", ips: ["10.244.1.11"] }],
    [
      "of the loopback plugin",
      cached({ cniVersion: "1.0.0", ips: [{ address: "127.0.0.1/8" }, { address: "::1/128" }] }),
      undefined,
    ],
    ["without a UID", cached({ ips: [] }, [["K8S_POD_NAME", "web-0"]]), undefined],
    ["of something else", "[1]", undefined],
    ["null", "null", undefined],
    ["with ips that are none", cached({ ips: [null, { address: 7 }] }), undefined],
  ])("%s", (_title, text, found) => {
    expect(parseResult(text)).toEqual(found);
  });

  test("are read as they are now, each once; a folder that is not there says nothing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "podpin-cni-"));
    const clock = new VirtualClock();
    try {
      const read = sandboxReader(folder, clock);
      expect(await read()).toEqual([]);
      const file = join(folder, "lab-abc-eth0");
      writeFileSync(file, cached({ ips: [{ address: "10.244.1.11/24" }] }));
      utimesSync(file, 100, 100);
      const sound = { podUid: "uid-1", ips: ["10.244.1.11"], since: 100_000 };
      expect(await read()).toEqual([sound]);
      const broken = join(folder, "lab-broken-eth0");
      writeFileSync(broken, "");
      utimesSync(broken, 200, 200);
      expect(await read()).toEqual([sound, unread(200_000)]);
      clock.advance(10_000);
      // For ever after a crash: what was being written then says nothing.
      expect(await read()).toEqual([sound]);
      writeFileSync(broken, cached({ ips: [{ address: "10.244.1.12/24" }] }));
      expect((await read())?.length).toBe(2);
      rmSync(file);
      expect((await read())?.length).toBe(1);
      // Gone between the look into the folder and into the file.
      symlinkSync(join(folder, "nowhere"), join(folder, "lab-gone-eth0"));
      expect((await read())?.length).toBe(1);
      rmSync(folder, { recursive: true });
      expect(await read()).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("files of the runtime that are there and cannot be read", () => {
  const folders: string[] = [];
  const clock = new VirtualClock();
  const folder = (): string => {
    folders.push(mkdtempSync(join(tmpdir(), "podpin-cni-")));
    return folders.at(-1) ?? "";
  };
  afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true, force: true })));

  test("are asked for again, and what they may say stays unknown", async () => {
    const results = folder();
    // Reading it fails for everybody, root included.
    const file = join(results, "lab-abc-eth0");
    mkdirSync(file);
    utimesSync(file, 100, 100);
    const read = sandboxReader(results, clock);
    expect(await read()).toEqual([unread(100_000)]);
    clock.advance(10_000);
    expect(await read()).toEqual([unread(100_000, false)]);
  });

  test("are no reason to forget what was read, when it is the folder", async () => {
    const results = join(folder(), "results");
    mkdirSync(results);
    const text = JSON.stringify({ cniArgs: [["K8S_POD_UID", "uid-1"]], result: { ips: [{ address: `${POD}/24` }] } });
    writeFileSync(join(results, "lab-abc-eth0"), text);
    const read = sandboxReader(results, clock);
    expect(await read()).toHaveLength(1);
    rmSync(results, { recursive: true });
    symlinkSync("results", results);
    expect(await read()).toEqual([expect.objectContaining({ podUid: "uid-1" }), unread(Infinity)]);
  });

  test("are waited for before an address is served that an older file gives to its Pod", async () => {
    const world = new World();
    world.kernel.sandboxes = [sandbox("uid-1", POD, 1), unread(2)];
    world.agent();
    world.write(binding(A));
    await world.clock.run(9_000);
    expect(world.kernel.untouched).toBe(true);
    expect(world.ack()).toBeUndefined();
    world.kernel.sandboxes = [sandbox("uid-1", POD, 1), sandbox("uid-9", POD, 2)];
    await world.clock.run(6_000);
    expect(world.kernel.untouched).toBe(true);
    expect(world.ack()).toMatchObject({ state: "Failed", reason: "PodNotOnNode" });
  });

  test("take nothing from a Pod that an older file gives its address to another one", async () => {
    const world = new World();
    world.kernel.sandboxes = [sandbox("uid-1", POD, 2), sandbox("uid-9", POD, 1)];
    const before = world.agent();
    world.write(binding(A));
    await world.rest();
    expect(world.ack()?.state).toBe("Announced");
    await before.stop();
    world.kernel.sandboxes = [unread(2), sandbox("uid-9", POD, 1)];
    world.agent();
    await world.clock.run(9_000);
    expect(world.kernel.paths.has(A)).toBe(true);
    expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
    world.kernel.sandboxes = [unread(2, false), sandbox("uid-9", POD, 1)];
    await world.clock.run(60_000);
    expect(world.kernel.paths.has(A)).toBe(true);
    expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
  });
});

describe("a Pod address that was given to another Pod before its binding was read", () => {
  test("is not followed, and served when the runtime says that it is the Pod's", async () => {
    const world = new World();
    world.kernel.sandboxes = [sandbox("uid-9", POD)];
    world.agent();
    world.write(binding(A));
    await world.rest();
    expect(world.kernel.untouched).toBe(true);
    expect(world.ack()).toEqual({
      ...ack("node-1", 1, "Failed", "uid-1"),
      reason: "PodNotOnNode",
      message: `the container runtime says that ${POD} is another Pod's, not that of uid-1; it is tried again`,
    });
    world.kernel.sandboxes = [sandbox("uid-1", POD)];
    await world.clock.run(2_000);
    await world.rest();
    expect(world.ack()?.state).toBe("Announced");
  });

  test("is not followed while its Pod is not on the node at all", async () => {
    const world = new World();
    world.kernel.sandboxes = [sandbox("uid-9", "10.244.1.99")];
    world.agent();
    world.write(binding(A));
    await world.rest();
    expect(world.kernel.untouched).toBe(true);
    expect(world.ack()?.message).toBe("the container runtime of this node has no Pod uid-1; it is tried again");
  });
});

test("an address in use is taken from a Pod that the runtime says it belongs to now, though the interface looks the same", async () => {
  const world = new World();
  world.kernel.hops.set(POD, { ...podHop("cni0", 5), kind: "bridge" });
  world.kernel.sandboxes = [sandbox("uid-1", POD)];
  world.agent();
  world.write(binding(A));
  await world.rest();
  expect(world.ack()?.state).toBe("Announced");
  world.kernel.sandboxes = [sandbox("uid-9", POD)];
  await world.hears();
  expect(world.kernel.paths.has(A)).toBe(false);
  expect(world.ack()).toMatchObject({ state: "Failed", reason: "PodInterfaceGone" });
});

test("what works stays when the runtime forgets the Pod, or stops saying anything", async () => {
  const world = new World();
  world.kernel.sandboxes = [sandbox("uid-1", POD)];
  world.agent();
  world.write(binding(A));
  await world.rest();
  for (const sandboxes of [[], undefined, [sandbox("uid-9", "10.244.1.99")]]) {
    world.kernel.sandboxes = sandboxes;
    await world.hears();
    expect(world.kernel.paths.has(A)).toBe(true);
  }
});
