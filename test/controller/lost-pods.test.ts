// A StatefulSet's Pod on a machine that is gone: the node is marked only where that is proved, and the mark goes when it runs again.
import { RESOURCES, type KubeObject, type Node, type Pod } from "../../lib/model/kubernetes";
import type { Controller } from "../../controller-image/src/controller/controller";
import type { CloudNode, MachineState } from "../../controller-image/src/fabric/cloud";
import { vmState } from "../../controller-image/src/fabric/gce/vm-proof";
import { newRoute, World } from "./world";

const { events, gkeIpRoutes, nodes, pods } = RESOURCES;
const OURS = { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" };
const STATEFUL = { component: "proxy", "statefulset.kubernetes.io/pod-name": "p" };

let world: World;
let answer: (machine: CloudNode) => Promise<MachineState>;
let asked: { machine: string; witness: string }[];
beforeEach(() => {
  world = new World();
  answer = () => Promise.resolve("gone");
  asked = [];
});
afterEach(() => world.stop());

type Changed = Omit<Partial<Node>, "metadata"> & { readonly annotations?: Record<string, string> };
function change(name: string, { annotations, ...fields }: Changed): void {
  const node = world.server.get<Node>(nodes, { name })!;
  const metadata = { ...node.metadata, ...(annotations && { annotations }) };
  world.server.replace(nodes, { ...node, metadata, spec: { ...node.spec, ...fields.spec } } as KubeObject);
  if (fields.status === undefined) return;
  const written = world.server.get<Node>(nodes, { name })!;
  world.server.replace(nodes, { ...written, status: { ...node.status, ...fields.status } } as KubeObject, "status");
}
const setReady = (name: string, ready: boolean): void =>
  change(name, { status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] } });
const taints = (): unknown => world.server.get<Node>(nodes, { name: "node1" })?.spec?.taints;
const told = (): string[] =>
  world.server
    .list<KubeObject & { reason: string; regarding: { kind: string } }>(events)
    .filter(({ regarding }) => regarding.kind === "Node")
    .map(({ reason }) => reason);

async function served(labels: Record<string, string> = STATEFUL, machines = true): Promise<Controller> {
  if (machines) {
    for (const n of [1, 2]) change(`node${n}`, { spec: { providerID: `gce://my-project/us-central1-a/machine${n}` } });
  }
  world.pod("p", { labels });
  world.server.create(gkeIpRoutes, newRoute());
  const controller = world.start({
    machineState: (machine, witness) => {
      asked.push({ machine: machine.instance, witness: witness.instance });
      return answer(machine);
    },
  });
  await world.until(() => world.ready() === "True ProgrammingComplete");
  return controller;
}

test("a node whose machine is proved to be gone is marked, once, beside what others have put there", async () => {
  await served();
  change("node1", { spec: { taints: [{ key: "theirs", effect: "NoSchedule" }] } });
  setReady("node1", false);
  await world.until(() => Array.isArray(taints()) && (taints() as unknown[]).length === 2);
  expect(taints()).toEqual([{ key: "theirs", effect: "NoSchedule" }, OURS]);
  expect(asked[0]).toEqual({ machine: "machine1", witness: "machine2" });
  await world.clock.run(1_000);
  expect(told()).toEqual(["OutOfService"]);
  world.kube.calls.length = 0;
  await world.clock.run(600_000);
  expect(world.kube.writes.filter(({ resource }) => resource.kind === "Node")).toEqual([]);
});

test("a node that answers no heartbeats is asked about at once, though Kubernetes still calls it Ready", async () => {
  const controller = await served();
  controller.setLost("node1", true);
  await world.clock.run(3_000);
  expect(taints()).toEqual([OURS]);
});

test("the mark goes when the machine runs again and the node is Ready, not before, and nothing else goes with it", async () => {
  await served();
  setReady("node1", false);
  await world.until(() => told().includes("OutOfService"));
  const present = world.server.get<Node>(nodes, { name: "node1" })!.spec!.taints!;
  change("node1", { spec: { taints: [...present, { key: "theirs", effect: "NoSchedule" }] } });
  answer = () => Promise.resolve("running");
  await world.clock.run(120_000);
  expect(taints()).toHaveLength(2);
  setReady("node1", true);
  await world.until(() => told().includes("InService"));
  expect(taints()).toEqual([{ key: "theirs", effect: "NoSchedule" }]);
  expect(world.server.get<Node>(nodes, { name: "node1" })!.metadata.annotations ?? {}).toEqual({});
});

test("a mark that somebody else has put there stays, whatever is known of the machine", async () => {
  await served();
  change("node1", { spec: { taints: [OURS] } });
  answer = () => Promise.resolve("running");
  await world.clock.run(300_000);
  expect([taints(), asked]).toEqual([[OURS], []]);
});

describe("nothing is marked", () => {
  test.each<[string, () => Promise<MachineState>]>([
    ["where the machine runs", () => Promise.resolve("running")],
    ["where it may run", () => Promise.resolve("unknown")],
    ["where there is no answer", () => Promise.reject(new Error("503 backendError"))],
  ])("%s, and it is asked again less and less often", async (_where, is) => {
    answer = is;
    await served();
    setReady("node1", false);
    await world.clock.run(600_000);
    expect(taints()).toBeUndefined();
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.length).toBeLessThan(20);
  });

  test("for a Pod of no StatefulSet, which Kubernetes replaces by itself", async () => {
    await served({ component: "proxy" });
    setReady("node1", false);
    await world.clock.run(600_000);
    expect([taints(), asked]).toEqual([undefined, []]);
  });

  test("for a Pod that another one has taken the label from", async () => {
    await served({ component: "proxy", "statefulset.kubernetes.io/pod-name": "another" });
    setReady("node1", false);
    await world.clock.run(60_000);
    expect([taints(), asked]).toEqual([undefined, []]);
  });

  test("for a node that holds no address", async () => {
    await served();
    setReady("node2", false);
    await world.clock.run(60_000);
    expect(asked).toEqual([]);
  });

  test("where the node is no machine of the cloud, or no other node could be a witness", async () => {
    await served(STATEFUL, false);
    setReady("node1", false);
    await world.clock.run(60_000);
    expect([taints(), asked]).toEqual([undefined, []]);
    change("node1", { spec: { providerID: "gce://my-project/us-central1-a/machine1" } });
    await world.clock.run(60_000);
    expect([taints(), asked]).toEqual([undefined, []]);
  });

  test("when the node has come back while the answer was on its way", async () => {
    let say: ((state: MachineState) => void) | undefined;
    answer = () => new Promise((resolve) => (say = resolve));
    await served();
    setReady("node1", false);
    await world.until(() => say !== undefined);
    setReady("node1", true);
    await world.clock.run(1_000);
    say?.("gone");
    await world.clock.run(10_000);
    expect(taints()).toBeUndefined();
  });

  test("when another Node has the name by then", async () => {
    let say: ((state: MachineState) => void) | undefined;
    answer = () => new Promise((resolve) => (say = resolve));
    await served();
    setReady("node1", false);
    await world.until(() => say !== undefined);
    const { metadata: _metadata, ...rest } = world.server.get<Node>(nodes, { name: "node1" })!;
    world.server.remove(nodes, { name: "node1" });
    world.put(nodes, { metadata: { name: "node1" }, ...rest });
    await world.clock.run(1_000);
    answer = () => Promise.resolve("unknown");
    say?.("gone");
    await world.clock.run(10_000);
    expect(taints()).toBeUndefined();
  });

  test("unless somebody asked for it", async () => {
    world.pod("p", { labels: STATEFUL });
    world.server.create(gkeIpRoutes, newRoute());
    world.start();
    await world.until(() => world.ready() === "True ProgrammingComplete");
    setReady("node1", false);
    await world.clock.run(300_000);
    expect(taints()).toBeUndefined();
    expect(world.server.get<Pod>(pods, { namespace: "edge", name: "p" })).toBeDefined();
  });
});

describe("Compute's word for a machine", () => {
  const machine = { project: "my-project", zone: "us-central1-a", instance: "machine1" };
  const witness = { ...machine, instance: "machine2" };
  const state = (statuses: Readonly<Record<string, string>>, project = "my-project") =>
    vmState(
      {
        project,
        get: (scope, _collection, name) =>
          Promise.resolve(
            statuses[`${scope}/${name}`] === undefined
              ? undefined
              : ({ name, status: statuses[`${scope}/${name}`] } as never),
          ),
      },
      machine,
      witness,
    );
  const at = (instance: string): string => `zones/us-central1-a/${instance}`;

  test.each([
    ["RUNNING", "running"],
    ["TERMINATED", "gone"],
    ["STOPPED", "gone"],
    ["SUSPENDED", "gone"],
    ["STOPPING", "unknown"],
    ["SUSPENDING", "unknown"],
    ["PENDING_STOP", "unknown"],
    ["PROVISIONING", "unknown"],
    ["STAGING", "unknown"],
    ["REPAIRING", "unknown"],
    ["DEPROVISIONING", "unknown"],
    ["anything new", "unknown"],
  ])("%s: %s", async (status, expected) => {
    expect(await state({ [at("machine1")]: status, [at("machine2")]: "RUNNING" })).toBe(expected);
  });

  test("that there is none counts only where the same question finds a machine that runs", async () => {
    expect(await state({ [at("machine2")]: "RUNNING" })).toBe("gone");
    expect(await state({ [at("machine2")]: "TERMINATED" })).toBe("unknown");
    expect(await state({})).toBe("unknown");
  });

  test("of another project nothing is known", async () => {
    expect(await state({ [at("machine2")]: "RUNNING" }, "another-project")).toBe("unknown");
  });

  test("an error is no answer", async () => {
    const refused = vmState({ project: "my-project", get: () => Promise.reject(new Error("403")) }, machine, witness);
    await expect(refused).rejects.toThrow("403");
  });
});
