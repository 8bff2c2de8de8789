// The admission policy at a real API server: which agent may say what. The accounts, their rights and the policy are those
// that PersistentIpController declares; the tokens are bound to Pods, as the kubelet gives them out.
import type { Kube } from "../../controller-image/src/kube/api";
import { AckState, type AddressBinding, type BindingAck } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { AGENT, CONTROLLER } from "../../lib/model/runtime";
import { DeclaredCluster } from "./declared";

jest.setTimeout(60_000);

const NODES = ["node1", "node2"] as const;
const ADDRESS = "198.51.100.7";
const UID = "0c9bd0c0-6a3b-4d3c-8a0a-7d3c1a5d9e11";
const bindings = RESOURCES.addressBindings;

let cluster: DeclaredCluster;
/** What the agents of the nodes, an agent with a token of no Pod, and the controller write with. */
let agent1: Kube, agent2: Kube, unbound: Kube, controller: Kube, admin: Kube;

beforeAll(async () => {
  cluster = await DeclaredCluster.start();
  for (const name of NODES) await cluster.create({ apiVersion: "v1", kind: "Node", metadata: { name } });

  const clientWith = (token: string): Kube => cluster.clientWith(token);
  admin = clientWith(cluster.controlPlane.token);
  agent1 = clientWith(await cluster.podOn("node1", AGENT));
  agent2 = clientWith(await cluster.podOn("node2", AGENT));
  unbound = clientWith(await cluster.tokenOf(AGENT));
  controller = clientWith(await cluster.podOn("node1", CONTROLLER));
  await newBinding();
  // The API server puts a new policy into force a moment after it has taken it.
  const end = performance.now() + 30_000;
  while ((await sayAs(unbound, "node1")) === "accepted") {
    if (performance.now() > end) throw new Error("the admission policy is not in force after 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // Building the parts, where nobody has done it yet, takes longer than any test.
}, 1_800_000);

beforeEach(newBinding);

afterAll(() => cluster?.stop());

async function newBinding(): Promise<void> {
  await admin.delete(bindings, { name: ADDRESS });
  await admin.create<AddressBinding>(bindings, {
    metadata: { name: ADDRESS },
    spec: {
      address: ADDRESS,
      epoch: 5,
      route: { namespace: "default", name: "my-ip-route", uid: UID },
      nodeName: "node1",
      owner: { podName: "proxy-ss-1", podUid: UID, podIp: "10.8.1.5" },
      delivery: "nat",
      fabric: "l2",
      network: "default",
    },
  });
}

const ack = (nodeName: string, epoch: number): BindingAck => ({
  nodeName,
  epoch,
  podUid: UID,
  state: AckState.Announced,
});

/** Server-side apply of `status.acks`, as the agent does it. */
async function applyAs(kube: Kube, manager: string, acks: readonly BindingAck[]): Promise<string> {
  const object = { metadata: { name: ADDRESS }, status: { acks } } as unknown as AddressBinding;
  return kube.apply(bindings, object, manager, "status").then(
    () => "accepted",
    (error: Error) => error.message,
  );
}
const sayAs = (kube: Kube, node: string, epoch = 5) => applyAs(kube, `podpin-agent-${node}`, [ack(node, epoch)]);

async function acksNow(): Promise<string[]> {
  const binding = await admin.get<AddressBinding>(bindings, { name: ADDRESS });
  return (binding?.status?.acks ?? []).map(({ nodeName, epoch }) => `${nodeName}=${epoch}`).sort();
}

const ONLY_ITS_OWN = /podpin: the agent of node node1 may change only its own entry of status\.acks/;

test("an agent writes, changes and takes back its own entry, beside the entries of others", async () => {
  expect(await sayAs(agent2, "node2", 4)).toBe("accepted");
  expect(await sayAs(agent1, "node1", 5)).toBe("accepted");
  expect(await sayAs(agent1, "node1", 6)).toBe("accepted");
  expect(await acksNow()).toEqual(["node1=6", "node2=4"]);
  expect(await applyAs(agent1, "podpin-agent-node1", [])).toBe("accepted");
  expect(await acksNow()).toEqual(["node2=4"]);
});

test("an agent writes no entry for another node, whether it has one or not", async () => {
  expect(await sayAs(agent1, "node2")).toMatch(ONLY_ITS_OWN);
  expect(await sayAs(agent1, "node3")).toMatch(ONLY_ITS_OWN);
  expect(await sayAs(agent2, "node2", 4)).toBe("accepted");
  expect(await sayAs(agent1, "node2", 5)).toMatch(ONLY_ITS_OWN);
  expect(await applyAs(agent1, "podpin-agent-node1", [ack("node1", 5), ack("node2", 5)])).toMatch(ONLY_ITS_OWN);
  expect(await acksNow()).toEqual(["node2=4"]);
});

test("an agent takes no entry of another node away, even under that agent's name", async () => {
  expect(await sayAs(agent2, "node2", 4)).toBe("accepted");
  expect(await sayAs(agent1, "node1", 5)).toBe("accepted");
  expect(await applyAs(agent1, "podpin-agent-node2", [])).toMatch(ONLY_ITS_OWN);
  const emptied = await agent1.mergePatch(bindings, { name: ADDRESS }, { status: { acks: [] } }, "status").then(
    () => "accepted",
    (error: Error) => error.message,
  );
  expect(emptied).toMatch(ONLY_ITS_OWN);
  const gone = await agent1.mergePatch(bindings, { name: ADDRESS }, { status: null }, "status").then(
    () => "accepted",
    (error: Error) => error.message,
  );
  expect(gone).toMatch(ONLY_ITS_OWN);
  expect(await acksNow()).toEqual(["node1=5", "node2=4"]);
});

test("a token of the agents' account that no Pod holds writes nothing", async () => {
  expect(await sayAs(unbound, "node1")).toMatch(/podpin: the token names no node/);
  expect(await acksNow()).toEqual([]);
});

test("others are not concerned: the controller clears what a node that is gone has left", async () => {
  expect(await sayAs(agent1, "node1", 5)).toBe("accepted");
  expect(await sayAs(agent2, "node2", 4)).toBe("accepted");
  await controller.mergePatch(bindings, { name: ADDRESS }, { status: { acks: [ack("node1", 5)] } }, "status");
  expect(await acksNow()).toEqual(["node1=5"]);
});
