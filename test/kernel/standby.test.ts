import { isNoChange } from "../../controller-image/src/agent/plan";
import { AckState } from "../../lib/model/binding";
import { Cluster, type RunningAgent } from "./agents";
import { eventually } from "./eventually";
import { NODE_IPS, Segment, type TestPod } from "./segment";

// A node that may have to take an address over: it is ready for that, has nothing of the address, and leaves no trace.
jest.setTimeout(300_000);

const NAT = "10.90.0.221";

let segment: Segment;
let cluster: Cluster;
let agents: readonly RunningAgent[];
let owner: TestPod;
let next: TestPod;
let untouched: string;

const asStandby = () => ({ nodeName: next.node, podName: next.name, podUid: next.uid, podIp: next.ip });
const snapshot = (): string => segment.snapshot("n2");
const table = (): string => segment.sh("n2", ["nft list table ip pip_agent 2>/dev/null || echo none"]).trim();
const rule = (): string => segment.sh("n2", ["ip rule list pref 700"]).trim();

beforeAll(async () => {
  segment = new Segment();
  owner = segment.addPod("n1", "poda", "10.244.1.11");
  next = segment.addPod("n2", "podb", "10.244.2.11");
  await Promise.all([owner, next].map((pod) => segment.respond(pod.name, [pod.ip])));
  untouched = snapshot();
});

beforeEach(() => {
  cluster = new Cluster(segment);
  agents = [cluster.agent("n1"), cluster.agent("n2")];
});

afterEach(() => cluster.close());

afterAll(() => segment.close());

test("it has the rule and the table, nothing of the address, and takes over with no more than the address's own", async () => {
  cluster.give(NAT, owner, 1, { standby: asStandby() });
  await cluster.acked(NAT, "n1", { state: AckState.Announced });
  await eventually(() => expect([rule() !== "", table() !== "none"]).toEqual([true, true]));
  expect(snapshot()).not.toContain(NAT);
  expect(table()).not.toContain(next.ip);
  expect(segment.ask("cl", "udp", NAT)?.name).toBe(owner.name);
  expect(cluster.binding(NAT)?.status?.acks?.map(({ nodeName }) => nodeName)).toEqual(["n1"]);

  const { passes } = agents[1]!;
  // The pass that got ready has come to its end.
  await eventually(() => expect(passes.some((one) => one.standbys.length > 0 && isNoChange(one.changes))).toBe(true));
  const before = passes.length;
  const releasing = { nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait: false };
  cluster.give(NAT, next, 2, { releasing });
  await cluster.acked(NAT, "n2", { state: AckState.Announced });
  const lines = passes.slice(before).flatMap(({ changes }) => [...changes.base, ...changes.teardown.nft]);
  expect(lines.filter((line) => /^(delete )?table /.test(line))).toEqual([]);
  await eventually(() => expect(segment.ask("cl", "udp", NAT)?.name).toBe(next.name));

  await cluster.takeBack(NAT);
  await eventually(() => expect(snapshot()).toBe(untouched));
});

test("it has nothing any more when another is the standby, and nothing has come of it meanwhile", async () => {
  cluster.give(NAT, owner, 1, { standby: asStandby() });
  await cluster.acked(NAT, "n1", { state: AckState.Announced });
  await eventually(() => expect(table()).not.toBe("none"));
  const ready = snapshot();
  agents[1]!.poke();
  cluster.give(NAT, owner, 1);
  await eventually(() => expect(snapshot()).toBe(untouched));
  expect(ready).not.toContain(NAT);
  expect(segment.ask("cl", "udp", NAT)?.name).toBe(owner.name);
  await cluster.takeBack(NAT);
});
