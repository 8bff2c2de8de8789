import { addressToNumber } from "../../lib/model/address";
import { AckState } from "../../lib/model/binding";
import { IsolationSwitch } from "../agent/isolation-switch";
import { Cluster, type RunningAgent } from "./agents";
import { eventually } from "./eventually";
import { CLIENT, Segment, type TestPod } from "./segment";

// What a node that hears nobody says on a real segment. Who hears whom is for the test to say here.
jest.setTimeout(300_000);

const ADDRESS = "10.90.0.201";

let segment: Segment;
let cluster: Cluster;
let isolation: IsolationSwitch;
let agent: RunningAgent;
let pod: TestPod;
let neighbour: TestPod;
let standby: TestPod;

beforeAll(async () => {
  segment = new Segment();
  pod = segment.addPod("n1", "poda", "10.244.1.11");
  neighbour = segment.addPod("n1", "podb", "10.244.1.12");
  standby = segment.addPod("n2", "podc", "10.244.2.11");
  await Promise.all([pod, standby].map(({ name, ip }) => segment.respond(name, [ip])));
});

beforeEach(async () => {
  cluster = new Cluster(segment);
  isolation = new IsolationSwitch();
  agent = cluster.agent("n1", { isolation });
  cluster.give(ADDRESS, pod, 1);
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
});

afterEach(() => cluster.close());
afterAll(() => segment.close());

/** As a client that has never heard of the address, or has forgotten it. */
function ask(): string | undefined {
  segment.sh("cl", ["ip neigh flush dev up0"]);
  return segment.ask("cl", "udp", ADDRESS)?.name;
}

function stranger(): string | undefined {
  segment.sh("cl", ["ip neigh flush dev up0"]);
  return segment.stranger("cl", "udp", ADDRESS)?.name;
}

/** ARP packets that say where the address is: those that have it as the sender. */
const ANNOUNCEMENT = `arp and arp[14:4] == ${addressToNumber(ADDRESS)}`;

test("it answers no client, announces nothing, and Pods of the node still reach the address", async () => {
  expect(ask()).toBe(pod.name);
  isolation.turn(true);
  await cluster.acked(ADDRESS, "n1", { state: AckState.Programmed });
  expect(stranger()).toBeUndefined();
  expect(segment.ask(neighbour.name, "udp", ADDRESS)?.name).toBe(pod.name);
  expect(segment.ask("n1", "udp", ADDRESS)?.name).toBe(pod.name);
  const { first } = await segment.capture("cl", ANNOUNCEMENT);
  isolation.turn(false);
  expect(await first).toContain(ADDRESS);
  expect(ask()).toBe(pod.name);
});

test("when the address has moved meanwhile the node stays silent and cleans up, and clients stay with the new Pod", async () => {
  agent.kube.connected = false;
  isolation.turn(true);
  const other = cluster.agent("n2");
  cluster.give(ADDRESS, standby, 2);
  await cluster.acked(ADDRESS, "n2", { state: AckState.Announced, epoch: 2 });
  expect(ask()).toBe(standby.name);
  const probe = segment.probe("cl", ADDRESS);
  await probe.answers(standby.name, 50);
  const before = agent.passes.length;
  agent.kube.connected = true;
  isolation.turn(false);
  await eventually(() => expect(segment.sh("n1", ["ip route show table 7421"])).toBe(""));
  await probe.answers(standby.name, 200);
  const report = await probe.end();
  expect(Object.keys(report.answers)).toEqual([standby.name]);
  expect(agent.passes.slice(before).flatMap(({ announce }) => [...announce.keys()])).toEqual([]);
  expect(segment.ask("cl", "tcp", ADDRESS)).toEqual({ name: standby.name, peer: CLIENT });
  await other.stop();
});
