import { readFileSync } from "node:fs";
import { checkNode, neighboursIn } from "../../controller-image/src/agent/node-facts";
import { nodeProblems } from "../../controller-image/src/agent/node-problems";
import { commands } from "../../controller-image/src/fabric/commands";
import { AckState } from "../../lib/model/binding";
import { Cluster } from "./agents";
import { eventually } from "./eventually";
import { Segment, UPLINK } from "./segment";

// The table of neighbours, its limits and its count are the machine's: no namespace has its own. So it is never filled up here, as
// others would feel that.
jest.setTimeout(180_000);

const ADDRESS = "10.90.0.201";

let segment: Segment;
let cluster: Cluster;

beforeEach(async () => {
  segment = new Segment();
  const pod = segment.addPod("n1", "poda", "10.244.1.11");
  await segment.respond(pod.name, [pod.ip]);
  cluster = new Cluster(segment);
  cluster.agent("n1");
  cluster.give(ADDRESS, pod, 1);
  await cluster.acked(ADDRESS, "n1", { state: AckState.Announced });
  segment.sh("n1", [`ip addr add 10.200.0.1/16 dev ${UPLINK}`]);
});

afterEach(async () => {
  await cluster.close();
  segment.close();
});

/** Adds to the machine's neighbours until nine tenths of all that there can be are known. */
function fill(state: "stale" | "permanent"): void {
  const most = Number(readFileSync("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "utf8"));
  const known = neighboursIn(readFileSync("/proc/net/stat/arp_cache", "utf8")) ?? 0;
  const missing = Math.max(0, Math.ceil(most * 0.9) + 4 - known);
  const lines = Array.from({ length: missing }, (_, n) => {
    const ip = `10.200.${1 + Math.floor(n / 250)}.${1 + (n % 250)}`;
    return `neigh replace ${ip} lladdr 02:00:00:00:00:01 dev ${UPLINK} nud ${state}`;
  });
  segment.sh("n1", [`ip -batch - <<'END'\n${lines.join("\n")}\nEND`]);
}

const found = async (): Promise<readonly string[]> =>
  nodeProblems(await checkNode(commands(segment.prefix("n1")), UPLINK)).map(({ id }) => id);

async function isServed(): Promise<void> {
  segment.sh("cl", [`ip neigh flush dev ${UPLINK}`]);
  segment.sh("n1", [`ip neigh flush to 10.90.0.100 dev ${UPLINK}`]);
  expect(segment.ask("cl", "udp", ADDRESS)?.name).toBe("poda");
}

test("a table that is nearly full is found, and what is served goes on being served", async () => {
  expect(await found()).not.toContain("neighbours_full");
  // The kernel clears such entries away when others are needed.
  await eventually(async () => {
    fill("stale");
    expect(await found()).toContain("neighbours_full");
  });
  await isServed();
});

test("neighbours that somebody has written down for ever fill no table", async () => {
  fill("permanent");
  expect(await found()).not.toContain("neighbours_full");
  await isServed();
});
