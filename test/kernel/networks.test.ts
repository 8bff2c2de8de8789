import { RESOURCES } from "../../lib/model/kubernetes";
import { Cluster } from "./agents";
import { CniStyle } from "./cni";
import { eventually } from "./eventually";
import { CLIENT, Segment, type TestPod } from "./segment";

// Pods with several interfaces and several addresses. A Pod's address on the route's network says where packets go; where
// answers leave is the Pod's own routing, but for delivery `interface` (see interface.test.ts).
jest.setTimeout(300_000);

const [LOWEST, SECOND, THIRD] = ["10.90.0.201", "10.90.0.202", "10.90.0.203"];

let segment: Segment;
let cluster: Cluster;
/** The same Pod by its address on each of its networks. */
let primary: TestPod;
let secondary: TestPod;

beforeAll(async () => {
  segment = new Segment();
  segment.addOutside();
  primary = segment.addPod("n1", "wide", "10.244.1.13");
  secondary = segment.addInterface(primary, "10.244.1.60", CniStyle.ProxyArp, "eth1");
  await Promise.all([
    segment.respond("cl", [CLIENT]),
    segment.respond(primary.name, [primary.ip]),
    segment.respond("wide", [secondary.ip]),
  ]);
  cluster = new Cluster(segment);
  cluster.agent("n1");
});

afterEach(async () => {
  for (const { metadata } of cluster.server.list(RESOURCES.addressBindings)) await cluster.takeBack(metadata.name);
  await eventually(() => expect(segment.snapshot("n1")).not.toContain("table ip pip_agent"));
});

afterAll(async () => {
  await cluster?.close();
  segment?.close();
});

async function give(pip: string, pod: TestPod, delivery: "app" | "nat"): Promise<void> {
  cluster.give(pip, pod, 1, { delivery, network: pod === primary ? "default" : "blue" });
  await cluster.acked(pip, "n1", { state: "Announced" });
}

/** As a network plugin or the Pod itself has it: what is from this address leaves by the second interface. */
const answerBySecond = (address: string, on: boolean): string =>
  segment.sh(primary.name, [
    on
      ? `ip rule add from ${address} lookup 100 && ip route replace default via 169.254.1.1 dev eth1 table 100`
      : `ip rule del from ${address} lookup 100`,
  ]);

const arrivesBy = async (device: string, pip: string): Promise<boolean> => {
  const { first } = await segment.capture(primary.name, "icmp[icmptype] == icmp-echo");
  const answered = segment.pings("cl", pip);
  expect(await first).toMatch(new RegExp(`^${device} +In`));
  return answered;
};

test("delivery nat follows the Pod's address on the network of the route", async () => {
  await give(LOWEST, secondary, "nat");
  // Strict reverse path filtering on the node drops an answer that leaves by the other interface.
  expect(await arrivesBy("eth1", LOWEST)).toBe(false);
  answerBySecond(secondary.ip, true);
  try {
    expect(await arrivesBy("eth1", LOWEST)).toBe(true);
    expect(segment.ask("cl", "tcp", LOWEST)?.peer).toBe(CLIENT);
    expect(segment.ask(primary.name, "tcp", CLIENT, secondary.ip)).toEqual({ name: "cl", peer: LOWEST });
  } finally {
    answerBySecond(secondary.ip, false);
  }
});

test("delivery app follows it as well, and the Pod answers by that interface", async () => {
  segment.sh(primary.name, [`ip addr add ${LOWEST}/32 dev eth1`]);
  answerBySecond(LOWEST, true);
  try {
    await give(LOWEST, secondary, "app");
    expect(await arrivesBy("eth1", LOWEST)).toBe(true);
    expect(segment.ask(primary.name, "tcp", CLIENT, LOWEST)).toEqual({ name: "cl", peer: LOWEST });
  } finally {
    answerBySecond(LOWEST, false);
    segment.sh(primary.name, [`ip addr del ${LOWEST}/32 dev eth1`]);
  }
});

test("addresses on both networks of a Pod do not meet", async () => {
  answerBySecond(secondary.ip, true);
  try {
    await Promise.all([give(LOWEST, secondary, "nat"), give(SECOND, primary, "nat")]);
    expect(await arrivesBy("eth1", LOWEST)).toBe(true);
    expect(await arrivesBy("eth0", SECOND)).toBe(true);
    expect(segment.ask(primary.name, "tcp", CLIENT)).toEqual({ name: "cl", peer: SECOND });
    expect(segment.ask(primary.name, "tcp", CLIENT, secondary.ip)).toEqual({ name: "cl", peer: LOWEST });
  } finally {
    answerBySecond(secondary.ip, false);
  }
});

test("behind a bridge the next Pod with the same address gets nothing until a higher epoch says so", async () => {
  const old = segment.addPod("n1", "old", "10.244.1.140", CniStyle.Bridge);
  await segment.respond(old.name, [old.ip]);
  await give(LOWEST, old, "nat");
  expect(segment.ask("cl", "tcp", LOWEST)).toEqual({ name: old.name, peer: CLIENT });
  segment.removePod(old);
  await cluster.acked(LOWEST, "n1", { state: "Failed", reason: "PodInterfaceGone" });
  const next = segment.addPod("n1", "next", old.ip, CniStyle.Bridge);
  await segment.respond(next.name, [next.ip]);
  expect(segment.stranger("cl", "tcp", LOWEST)).toBeUndefined();
  cluster.give(LOWEST, next, 2);
  await cluster.acked(LOWEST, "n1", { state: "Announced", epoch: 2 });
  expect(segment.ask("cl", "tcp", LOWEST)?.name).toBe(next.name);
  await cluster.takeBack(LOWEST);
  segment.removePod(next);
});

test("of several addresses every one arrives, and the Pod's own connections leave with the lowest that is left", async () => {
  await Promise.all([THIRD, LOWEST, SECOND].map((pip) => give(pip, primary, "nat")));
  expect([LOWEST, SECOND, THIRD].map((pip) => segment.pings("cl", pip))).toEqual([true, true, true]);
  const seen = (): string | undefined => segment.ask(primary.name, "udp", CLIENT)?.peer;
  expect(seen()).toBe(LOWEST);
  await cluster.takeBack(LOWEST);
  expect(seen()).toBe(SECOND);
  await cluster.takeBack(SECOND);
  expect(seen()).toBe(THIRD);
  expect(segment.pings("cl", THIRD)).toBe(true);
});
