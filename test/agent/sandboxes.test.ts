import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  type Claim,
  claimOf,
  parseResult,
  type Sandbox,
  sandboxReader,
} from "../../controller-image/src/agent/sandboxes";
import { ack, binding } from "./bindings";
import { podHop } from "./memory-kernel";
import { A, POD, World } from "./world";

const sandbox = (podUid: string, ip: string, since = 0): Sandbox => ({ podUid, ips: [ip], since });

describe("whose a Pod address is", () => {
  test.each<[string, readonly Sandbox[] | undefined, Claim]>([
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
    try {
      const read = sandboxReader(folder);
      expect(await read()).toEqual([]);
      const file = join(folder, "lab-abc-eth0");
      writeFileSync(file, cached({ ips: [{ address: "10.244.1.11/24" }] }));
      utimesSync(file, 100, 100);
      writeFileSync(join(folder, "lab-broken-eth0"), "");
      expect(await read()).toEqual([{ podUid: "uid-1", ips: ["10.244.1.11"], since: 100_000 }]);
      writeFileSync(join(folder, "lab-broken-eth0"), cached({ ips: [{ address: "10.244.1.12/24" }] }));
      expect((await read())?.length).toBe(2);
      rmSync(file);
      expect((await read())?.length).toBe(1);
      rmSync(folder, { recursive: true });
      expect(await read()).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
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
  world.kernel.event();
  await world.clock.run(10);
  await world.rest();
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
    world.kernel.event();
    await world.clock.run(10);
    await world.rest();
    expect(world.kernel.paths.has(A)).toBe(true);
  }
});
