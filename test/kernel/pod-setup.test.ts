// The init container's script in a real network namespace, with no capability but NET_ADMIN in effect.
import { spawnSync } from "node:child_process";

import { planPodSetup, type PodSetupInput, setupContainers } from "../../lib/model/pod-setup";
import { planPool } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { Segment, type TestPod } from "./segment";

const ADDRESS = "198.51.100.8";
const COUNTED = [
  "nft 'add table netdev count'",
  "nft 'add chain netdev count requests { type filter hook ingress device VETH priority 0; }'",
  `nft 'add rule netdev count requests arp saddr ip ${ADDRESS} counter'`,
];

let segment: Segment;
beforeAll(() => (segment = new Segment()));
afterAll(() => segment.close());

/** Runs the script in a Pod as the container would, and says with which capabilities it ran. */
function setUp(pod: TestPod, podName: string, options: Partial<PodSetupInput>): string {
  const problems = new Problems();
  const pool = planPool({ name: "n2", addresses: ["198.51.100.7", ADDRESS], controller: {} }, problems);
  const plan = planPodSetup({ pool, image: "any", ...options }, problems);
  const [container] = setupContainers(plan, (position) => String(pool.addresses[position]));
  const env = (container?.env ?? []).map(({ name, value }) => `${name}=${value ?? podName}`);
  const only = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "--no-new-privs"];
  const script = `grep CapEff /proc/self/status\n${container?.command[2] ?? "exit 9"}`;
  const [ip = "", ...rest] = [...segment.prefix(pod.name), "env", ...env, ...only, "sh", "-euc", script];
  const { status, stdout, stderr } = spawnSync(ip, rest, { encoding: "utf8", timeout: 20_000 });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trim();
}

/** ARP requests in the name of the address that reach the node while the Pod speaks in its name. */
function asked(pod: TestPod): number {
  segment.sh(
    pod.node,
    COUNTED.map((line) => line.replace("VETH", pod.veth)),
  );
  // No echo can come back, since the node has no route for the address; what matters is what the Pod asks.
  segment.sh(pod.name, [`ping -c 1 -W 1 -I ${ADDRESS} 10.244.1.1 || true`]);
  const listed = segment.sh(pod.node, ["nft list table netdev count"]);
  segment.sh(pod.node, ["nft delete table netdev count"]);
  return Number(/counter packets (\d+)/.exec(listed)?.[1]);
}

test("adds what is the Pod's own, and the Pod never asks for its gateway in the name of the address", () => {
  const pod = segment.addPod("n1", "pinned", "10.244.1.5");
  // 12 is NET_ADMIN.
  expect(setUp(pod, "db-1", {})).toBe(`CapEff:\t${(1n << 12n).toString(16).padStart(16, "0")}`);
  const addresses = segment.sh(pod.name, ["ip -4 -o address show dev eth0"]);
  expect(addresses).toContain(`inet ${ADDRESS}/32`);
  expect(addresses).not.toContain("198.51.100.7");
  expect(asked(pod)).toBe(0);
});

test("without the pin it does ask, so the test above can fail", () => {
  const pod = segment.addPod("n1", "plain", "10.244.1.6");
  // As if the node pool allowed the sysctl, which nobody sets here.
  setUp(pod, "db-1", { unsafeSysctlsAllowed: true });
  expect(asked(pod)).toBeGreaterThan(0);
});
