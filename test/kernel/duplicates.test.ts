import { ARP_FRAME_BYTES, gratuitousArp } from "../../controller-image/src/fabric/arp";
import { AckState } from "../../lib/model/binding";
import { Cluster } from "./agents";
import { eventually } from "./eventually";
import { Segment, type TestPod, UPLINK } from "./segment";

// What becomes of an address that a machine which is no node claims, too: on an Ethernet segment anybody can. The machine is the
// segment's router here, which forwards nothing.
jest.setTimeout(180_000);

const ADDRESS = "10.90.0.201";
const OTHER = "10.90.0.202";

let segment: Segment;
let cluster: Cluster;
let pod: TestPod;

beforeEach(async () => {
  segment = new Segment();
  segment.addOutside();
  segment.sh("gw", ["echo 0 > /proc/sys/net/ipv4/ip_forward"]);
  // A neighbour asks whether its entry is still true 5 s after an announcement, and some 30 s after an answer; three times, a second each.
  const set = (name: string, value: number): string => `echo ${value} > /proc/sys/net/ipv4/neigh/${UPLINK}/${name}`;
  const soon = [set("delay_first_probe_time", 0), set("base_reachable_time_ms", 1_000), set("retrans_time_ms", 50)];
  segment.sh("cl", soon);
  pod = segment.addPod("n1", "poda", "10.244.1.11");
  await segment.respond(pod.name, [pod.ip]);
  cluster = new Cluster(segment);
});

afterEach(async () => {
  await cluster.close();
  segment.close();
});

const macOf = (place: string): string => segment.sh(place, [`cat /sys/class/net/${UPLINK}/address`]).trim();

const send = (place: string, frames: Buffer): void => {
  const socat = `socat -u -b ${ARP_FRAME_BYTES} STDIN INTERFACE:${UPLINK}`;
  segment.sh(place, [`echo ${frames.toString("base64")} | base64 -d | ${socat}`]);
};

/** Who the client thinks has it. */
const believed = (): string | undefined => / lladdr (\S+) /.exec(segment.sh("cl", [`ip neigh show ${ADDRESS}`]))?.[1];

async function served(): Promise<{ changes(): number }> {
  const agent = cluster.agent("n1");
  cluster.give(ADDRESS, pod, 1);
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
  expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe(pod.name);
  expect(believed()).toBe(macOf("n1"));
  return agent;
}

/** A filter for the answers of a machine. */
function answersOf(place: string): string {
  const mac = macOf(place).replaceAll(":", "");
  return `arp[6:2] = 2 and arp[8:4] = 0x${mac.slice(0, 8)} and arp[12:2] = 0x${mac.slice(8)}`;
}

async function claimed(): Promise<void> {
  send("gw", gratuitousArp(ADDRESS, macOf("gw")));
  await eventually(() => expect(believed()).toBe(macOf("gw")));
}

test("a machine that announces an address and does not answer for it has it until the neighbour asks", async () => {
  const agent = await served();
  const [before, changes] = [segment.snapshot("n1"), agent.changes()];
  await claimed();
  expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe(pod.name);
  expect(believed()).toBe(macOf("n1"));
  expect([segment.snapshot("n1"), agent.changes()]).toEqual([before, changes]);
});

test("a machine that has an address, too, keeps who heard it last until it is gone; the node goes on answering", async () => {
  const agent = await served();
  const [before, changes] = [segment.snapshot("n1"), agent.changes()];
  segment.sh("gw", [`ip addr add ${ADDRESS}/32 dev ${UPLINK}`]);
  const stranger = await segment.respond("gw", [ADDRESS]);
  await claimed();
  expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe("gw");
  expect([segment.snapshot("n1"), agent.changes()]).toEqual([before, changes]);
  stranger.pause();
  segment.sh("gw", [`ip addr del ${ADDRESS}/32 dev ${UPLINK}`]);
  expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe(pod.name);
});

/** A question for the address in the name of another, as RFC 826 has it; in nobody's name it is the probe of RFC 5227. */
function request(mac: string, from: string, address: string): Buffer {
  const frame = gratuitousArp(address, mac).subarray(0, ARP_FRAME_BYTES);
  Buffer.from(from.split(".").map(Number)).copy(frame, 28);
  return frame;
}

test("who asks before it takes an address is answered by whoever has it as its own, and by no node", async () => {
  await served();
  cluster.give(OTHER, pod, 1);
  await cluster.acked(OTHER, "n1", { state: AckState.Announced });
  const mac = macOf("gw");
  const reply = await segment.capture("gw", answersOf("n1"));
  send("gw", request(mac, "0.0.0.0", ADDRESS));
  send("gw", request(mac, "10.90.0.1", OTHER));
  expect(await reply.first).toContain(`Reply ${OTHER} is-at ${macOf("n1")}`);

  segment.sh("cl", [`ip addr add ${ADDRESS}/32 dev ${UPLINK}`]);
  const both = await segment.capture("gw", answersOf("cl"));
  send("gw", request(mac, "0.0.0.0", ADDRESS));
  expect(await both.first).toContain(`Reply ${ADDRESS} is-at ${macOf("cl")}`);
});
