import { AckState } from "../../lib/model/binding";
import { Cluster, type RunningAgent } from "./agents";
import { CniStyle } from "./cni";
import { eventually } from "./eventually";
import { CLIENT, NODE_IPS, Segment, type TestPod } from "./segment";

// Pods that go on sending with an address that is theirs no more, on nodes that would let them: no reverse path filter.
jest.setTimeout(300_000);

const ADDRESS = "10.90.0.202";

let segment: Segment;
let cluster: Cluster;
let agents: readonly RunningAgent[];
let next: TestPod;
let serial = 30;

beforeAll(async () => {
  segment = new Segment();
  next = segment.addPod("n2", "next", "10.244.2.11");
  segment.sh(next.name, [`ip addr add ${ADDRESS}/32 dev lo`]);
  await Promise.all([segment.respond(next.name, [ADDRESS]), segment.respond("cl", [CLIENT])]);
});

beforeEach(() => {
  cluster = new Cluster(segment);
  agents = [cluster.agent("n1"), cluster.agent("n2")];
});

afterEach(() => cluster.close());
afterAll(() => segment.close());

/** A Pod on n1 that has the address on its interface and does not give it back. */
function stubbornPod(style: CniStyle): TestPod {
  const host = ++serial + (style === CniStyle.Bridge ? 100 : 0);
  const pod = segment.addPod("n1", `old${serial}`, `10.244.1.${host}`, style);
  segment.sh(pod.name, [`ip addr add ${ADDRESS}/32 dev lo`]);
  segment.sh("n1", ["for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done"]);
  return pod;
}

/** Whether any of the packets that the Pod sends with the address within a second arrives at the client. */
function leaks(pod: TestPod): boolean {
  segment.sh("cl", [
    "nft add table ip count",
    "nft 'add chain ip count in { type filter hook prerouting priority -400; }'",
    `nft add rule ip count in ip saddr ${ADDRESS} counter`,
  ]);
  segment.sh(pod.name, [`ping -n -q -c 5 -i 0.01 -w 1 -I ${ADDRESS} ${CLIENT} || true`]);
  const listed = segment.sh("cl", ["nft list table ip count"]);
  segment.sh("cl", ["nft delete table ip count"]);
  return Number(/counter packets (\d+)/.exec(listed)?.[1]) > 0;
}

async function moveAway(): Promise<void> {
  const releasing = { nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait: true };
  cluster.give(ADDRESS, next, 2, { delivery: "app", releasing });
  await cluster.acked(ADDRESS, "n1", { state: AckState.Released, epoch: 1 });
  await cluster.acked(ADDRESS, "n2", { state: AckState.Announced, epoch: 2 });
  cluster.give(ADDRESS, next, 2, { delivery: "app" });
}

test.each([CniStyle.Gateway, CniStyle.Bridge])(
  "no packet of the old Pod leaves with the address after it moved (%s), and nothing is left once the Pod is gone",
  async (style) => {
    const pod = stubbornPod(style);
    cluster.give(ADDRESS, pod, 1, { delivery: "app" });
    await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
    expect(leaks(pod)).toBe(true);
    await moveAway();
    expect(leaks(pod)).toBe(false);
    // Nothing but the agent knows of the fence now.
    segment.sh("n1", ["nft delete table netdev pip_agent"]);
    await eventually(() => expect(segment.sh("n1", ["nft list ruleset netdev"])).toContain(ADDRESS));
    expect(leaks(pod)).toBe(false);
    // A restart adopts the fence.
    await agents[0]?.stop();
    const again = cluster.agent("n1");
    await eventually(() => expect(again.passes.length).toBeGreaterThan(1));
    expect(leaks(pod)).toBe(false);
    expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe(next.name);
    segment.removePod(pod);
    await eventually(() => expect(segment.sh("n1", ["nft list ruleset netdev"])).toBe(""));
    await cluster.takeBack(ADDRESS);
    await agents[1]?.stop();
  },
);

test("without the fence it would leave, so the test above can fail", async () => {
  const pod = stubbornPod(CniStyle.Gateway);
  cluster.give(ADDRESS, pod, 1, { delivery: "app" });
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
  await moveAway();
  await agents[0]?.stop();
  segment.sh("n1", ["nft delete table netdev pip_agent"]);
  expect(leaks(pod)).toBe(true);
});

test("a Pod that is replaced on its own node is fenced, and its successor sends with the address", async () => {
  const pod = stubbornPod(CniStyle.Gateway);
  const successor = stubbornPod(CniStyle.Gateway);
  cluster.give(ADDRESS, pod, 1, { delivery: "app" });
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
  cluster.give(ADDRESS, successor, 2, { delivery: "app" });
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced, epoch: 2 });
  expect([leaks(pod), leaks(successor)]).toEqual([false, true]);
});
