// A whole lab with two real nodes: what the tests of podpin itself rely on when they break machines and cables.
import { mkdirSync, rmdirSync } from "node:fs";

import { type Lab, type LabOptions, startLab } from "../../lab/cluster/lab";
import type { LabNode } from "../../lab/cluster/node";
import { startListener, startProbe } from "../../lab/cluster/probe";
import { until } from "../../lab/cluster/process";
import { ensureImages } from "../../lab/images/ensure";
import { ensureParts } from "../../lab/parts/ensure";
import { labPartsOf } from "../../lab/parts/lab-parts";
import { progressOn } from "../../lab/progress";

jest.setTimeout(120_000);

let options: LabOptions;
let lab: Lab;
let node1: LabNode;
let node2: LabNode;
let podAddress: string;

beforeAll(async () => {
  const progress = progressOn();
  const parts = labPartsOf(await ensureParts(progress));
  const images = await ensureImages(progress);
  options = { parts, nodes: 2, containerdRoot: images.containerdRoot, pauseImage: images.pauseImage };
  lab = await startLab(options);
  [node1, node2] = lab.nodes as [LabNode, LabNode];
  const spec = { nodeName: node1.name, containers: [{ name: "hello", image: images.helloAppImage }] };
  await lab.kubectl(
    ["create", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "hello" }, spec }),
  );
  await lab.kubectl(["wait", "--for=condition=Ready", "--timeout=60s", "pod/hello"]);
  podAddress = await lab.kubectl(["get", "pod", "hello", "-o", "jsonpath={.status.podIP}"]);
}, 1_800_000);

afterAll(() => lab.stop());

const ready = async (node: LabNode): Promise<string> =>
  lab.kubectl(["get", "node", node.name, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`]);

test("its nodes are real: kubelet, containerd, a Pod range and an address on the segment", async () => {
  const { status, spec } = JSON.parse(await lab.kubectl(["get", "node", node2.name, "-o", "json"])) as {
    status: { nodeInfo: { containerRuntimeVersion: string }; addresses: object[] };
    spec: { podCIDR: string };
  };
  expect(status.nodeInfo.containerRuntimeVersion).toMatch(/^containerd:/);
  expect(status.addresses).toContainEqual({ type: "InternalIP", address: "172.30.0.12" });
  expect(spec.podCIDR).toBe(node2.podCidr);
});

test("a Pod is reached from every node, and leaves the cluster as its node", async () => {
  for (const node of lab.nodes) {
    const probe = await startProbe(node, { address: podAddress, intervalMs: 20, maxSeconds: 0.5 });
    expect(await probe.result).toMatchObject({ lost: 0, answerers: [{ hostname: "hello" }] });
  }
  const listener = await startListener(lab.client, 9000);
  const program = `require("net").connect(9000, "${lab.client.address}").end("hi").resume()`;
  await lab.kubectl(["exec", "hello", "--", "node", "-e", program]);
  await listener.stop();
  expect(listener.heard).toMatchObject([{ protocol: "tcp", address: node1.address, payload: "hi" }]);
});

test("client and nodes look for a persistent address by ARP, and find nobody yet", async () => {
  for (const host of [lab.client, node1, node2]) {
    const { stdout } = await host.exec(["ip", "route", "get", "198.51.100.7"]);
    expect(stdout).toMatch(/^198\.51\.100\.7 dev eth0/);
  }
  const probe = await startProbe(lab.client, { address: "198.51.100.7", intervalMs: 50, maxSeconds: 0.2, graceMs: 50 });
  expect(await probe.result).toMatchObject({ received: 0, longestLoss: 4 });
});

test("a cut loses packets without the node's link going down, and a healed one loses none", async () => {
  const echo = `const s = require("dgram").createSocket("udp4", (m, p) => s.send("n " + p.address + " " + m, p.port, p.address));
    s.bind(9001, () => console.log("ready"));`;
  const server = node1.spawn([process.execPath, "-e", echo]);
  await new Promise((resolve) => server.stdout?.once("data", resolve));
  const through = async (): Promise<number> => {
    const settings = { address: node1.address, port: 9001, intervalMs: 10, maxSeconds: 0.3, graceMs: 100 };
    return (await (await startProbe(lab.client, settings)).result).received;
  };
  try {
    expect(await through()).toBe(30);
    await node1.cut();
    expect(await through()).toBe(0);
    expect((await node1.exec(["ip", "-br", "link", "show", "eth0"])).stdout).toMatch(/ UP /);
    await node1.heal();
    expect(await through()).toBe(30);
  } finally {
    server.kill("SIGKILL");
  }
});

test("a node without power becomes NotReady, and Ready again when it has power", async () => {
  await node2.powerOff();
  expect(node2.on).toBe(false);
  const gone = async (): Promise<boolean> => (await ready(node2)) === "Unknown";
  await until("the Node is NotReady", gone, { timeoutMs: 25_000, everyMs: 200 });
  await node2.powerOn();
  expect(await ready(node2)).toBe("True");
});

test("a Pod's own files are the node's: nothing that it writes reaches the machine", async () => {
  const { stdout } = await node1.execInside([
    "sh",
    "-c",
    "echo mine > /var/lib/podpin-lab-test; cat /var/lib/podpin-lab-test",
  ]);
  expect(stdout).toBe("mine\n");
  expect((await node1.exec(["test", "-e", "/var/lib/podpin-lab-test"])).code).toBe(1);
});

test("the last check sees what a second lab has, then nothing once that has stopped, and again what is forgotten", async () => {
  const second = await startLab({ ...options, nodes: 1 });
  const found = second.leftovers().join("\n");
  await second.stop();
  for (const what of [/kubelet/, /etcd/, /^network namespace .*client$/m, /^cgroup/m, /^folder/m, /^record/m]) {
    expect(found).toMatch(what);
  }
  expect(second.leftovers()).toEqual([]);
  mkdirSync(second.dir);
  expect(second.leftovers()).toEqual([`folder ${second.dir}`]);
  rmdirSync(second.dir);
  expect(await ready(node1)).toBe("True");
});
