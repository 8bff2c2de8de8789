// A whole lab with two real nodes: what the tests of podpin itself rely on when they break machines and cables.
import { mkdirSync, rmdirSync } from "node:fs";

import { compute_v1 } from "@googleapis/compute/build/v1";

import { type Lab, type LabOptions, startLab } from "../../lab/cluster/lab";
import type { LabNode } from "../../lab/cluster/node";
import { startListener, startProbe } from "../../lab/cluster/probe";
import { until } from "../../lab/cluster/process";
import { labOptions } from "../../lab/start";
import { type LabCloud, startCloud } from "../../lab/vpc/start";
import { preparedLab } from "../support/own-lab";

jest.setTimeout(300_000);

let options: LabOptions;
let lab: Lab;
let node1: LabNode;
let node2: LabNode;
let podAddress: string;

beforeAll(async () => {
  const prepared = await preparedLab();
  options = labOptions(prepared, 2);
  lab = await startLab(options);
  [node1, node2] = lab.nodes as [LabNode, LabNode];
  const spec = { nodeName: node1.name, containers: [{ name: "hello", image: prepared.images.helloAppImage }] };
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

/** A program on a node that answers at this address as probes want it, with the node's name. */
async function answering(node: LabNode, address: string): Promise<() => void> {
  await node.exec(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  const program = `const s = require("dgram").createSocket("udp4", (m, p) => s.send("${node.name} " + p.address + " " + m, p.port, p.address));
    s.bind(8080, "${address}", () => console.log("ready"));`;
  const server = node.spawn([process.execPath, "-e", program]);
  await new Promise((resolve) => server.stdout?.once("data", resolve));
  return () => server.kill("SIGKILL");
}

test("a packet for an address goes to the VM where the objects lead that Google's own client makes, and to nobody without", async () => {
  const address = "203.0.113.7";
  const [project, region] = ["podpin-lab", "us-central1"];
  const cloud: LabCloud = await startCloud(lab);
  const ends: (() => void)[] = [];
  try {
    for (const node of [node1, node2]) ends.push(await answering(node, address));
    const compute = new compute_v1.Compute({ retry: false, fetchImplementation: cloud.fetch });
    const headers = { authorization: `Bearer ${await cloud.token()}` };
    const done = async ({ data }: { data: compute_v1.Schema$Operation }): Promise<void> => {
      const operation = data.name ?? "";
      const zone = data.zone?.split("/").pop();
      const wait = zone
        ? compute.zoneOperations.wait({ project, zone, operation }, { headers })
        : compute.regionOperations.wait({ project, region, operation }, { headers });
      expect((await wait).data).toMatchObject({ status: "DONE" });
    };
    const answerers = async (): Promise<readonly string[]> => {
      const probe = await startProbe(lab.client, { address, intervalMs: 10, maxSeconds: 0.1, graceMs: 100 });
      return (await probe.result).answerers.map(({ hostname }) => hostname);
    };
    for (const [node, zone] of [
      [node1, "us-central1-a"],
      [node2, "us-central1-b"],
    ] as const) {
      const subnetwork = `regions/${region}/subnetworks/lab`;
      const networkInterfaces = [{ subnetwork, networkIP: node.address }];
      await done(
        await compute.instances.insert(
          { project, zone, requestBody: { name: node.name, networkInterfaces } },
          { headers },
        ),
      );
      const instance = `projects/${project}/zones/${zone}/instances/${node.name}`;
      await done(
        await compute.targetInstances.insert(
          { project, zone, requestBody: { name: node.name, instance } },
          { headers },
        ),
      );
    }
    const target = (zone: string, name: string): string =>
      `https://www.googleapis.com/compute/v1/projects/${project}/zones/${zone}/targetInstances/${name}`;
    expect(await answerers()).toEqual([]);
    const requestBody = {
      name: "rule",
      IPAddress: address,
      IPProtocol: "L3_DEFAULT",
      allPorts: true,
      loadBalancingScheme: "EXTERNAL",
      target: target("us-central1-a", "node1"),
    };
    await done(await compute.addresses.insert({ project, region, requestBody: { name: "web", address } }, { headers }));
    await done(await compute.forwardingRules.insert({ project, region, requestBody }, { headers }));
    await until("node1 answers", async () => (await answerers()).join() === "node1", { timeoutMs: 60_000 });
    const moved = { target: target("us-central1-b", "node2") };
    await done(
      await compute.forwardingRules.setTarget(
        { project, region, forwardingRule: "rule", requestBody: moved },
        { headers },
      ),
    );
    await until("node2 answers", async () => (await answerers()).join() === "node2", { timeoutMs: 60_000 });
    await done(await compute.forwardingRules.delete({ project, region, forwardingRule: "rule" }, { headers }));
    await until("nobody answers", async () => (await answerers()).length === 0, { timeoutMs: 60_000 });
    const [left, ...others] = await cloud.calls.listEverywhere(project, "addresses");
    expect([left?.["name"], left?.["status"], others]).toEqual(["web", "RESERVED", []]);
  } finally {
    for (const end of ends) end();
    await cloud.stop();
  }
}, 300_000);

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
