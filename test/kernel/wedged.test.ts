import { execFileSync } from "node:child_process";

import { forgetConnections } from "../../controller-image/src/agent/conntrack";
import { commands } from "../../controller-image/src/fabric/commands";
import { AckState, FailReason } from "../../lib/model/binding";
import { Cluster, type RunningAgent } from "./agents";
import { eventually } from "./eventually";
import { Segment, type TestPod } from "./segment";

// Programs of the agent that hang, on a real segment: what is in the kernel goes on, the agent says what it waits for, and goes on
// by itself.
jest.setTimeout(300_000);

const A = "10.90.0.201";
const B = "10.90.0.202";
const LIMIT_MS = 1000;

let segment: Segment;
let cluster: Cluster;
let agent: RunningAgent;
let pod: TestPod;
let other: TestPod;
let conntrackHangs = false;
/** Whatever is run. */
const hanging = commands(["sh", "-c", "exec sleep 3600", "sh"], LIMIT_MS);

beforeAll(async () => {
  segment = new Segment();
  pod = segment.addPod("n1", "poda", "10.244.1.11");
  other = segment.addPod("n1", "podb", "10.244.1.12");
  await Promise.all([pod, other].map(({ name, ip }) => segment.respond(name, [ip])));
});

beforeEach(async () => {
  cluster = new Cluster(segment);
  agent = cluster.agent("n1", {
    limitMs: LIMIT_MS,
    kernelOf: (shipped) => ({
      ...shipped,
      forgetConnections: (stale) =>
        conntrackHangs ? forgetConnections(hanging, stale) : shipped.forgetConnections(stale),
    }),
  });
  cluster.give(A, pod, 1);
  await cluster.acked(A, "n1", { state: AckState.Announced });
});

afterEach(async () => {
  await cluster.takeBack(A);
  await cluster.close();
});
afterAll(() => segment.close());

/** Programs of the agent that stay open. */
function programs(kind: RegExp): number[] {
  const listed = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)]).toString();
  return listed.split("\n").flatMap((line) => {
    const [, pid = "", argv = ""] = /^ *(\d+) (.*)$/.exec(line) ?? [];
    return kind.test(argv) ? [Number(pid)] : [];
  });
}

const ask = (): string | undefined => segment.ask("cl", "udp", A)?.name;

test.each([
  ["ip", /^ip -d /, /ip -d .*: no answer within 1000 ms/],
  ["nft", /^nft -j -i/, /nft -j -i: no answer within 1000 ms/],
])(
  "%s that stands still: what is there serves on, the agent says so, ends it and goes on",
  async (_name, kind, why) => {
    const [hanging] = programs(kind);
    process.kill(hanging!, "SIGSTOP");
    cluster.give(B, other, 1);
    await eventually(() => expect(agent.unready()).toMatch(why));
    expect(ask()).toBe(pod.name);
    await cluster.acked(B, "n1", { state: AckState.Announced });
    await eventually(() => expect(agent.unready()).toBeUndefined());
    expect(programs(kind)).not.toContain(hanging);
    expect(ask()).toBe(pod.name);
    await cluster.takeBack(B);
  },
);

test("conntrack that stands still: other addresses go on, and what waits for it is not called done before it is", async () => {
  conntrackHangs = true;
  cluster.give(A, other, 2);
  await cluster.acked(A, "n1", { epoch: 2, state: AckState.Failed, reason: FailReason.KernelRefused });
  cluster.give(B, other, 1);
  await cluster.acked(B, "n1", { state: AckState.Announced });
  expect(agent.unanswered()).toMatch(/^conntrack -D .*: no answer within 1000 ms$/);
  expect(agent.unready()).toBeUndefined();
  conntrackHangs = false;
  await cluster.acked(A, "n1", { epoch: 2, state: AckState.Announced });
  expect(agent.unanswered()).toBeUndefined();
  expect(ask()).toBe(other.name);
  await cluster.takeBack(B);
});
