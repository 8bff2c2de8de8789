import { spawnSync } from "node:child_process";

import { planPodSetup, type PodSetupInput, setupContainers } from "../../lib/model/pod-setup";
import { planPool } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";

const pool = planPool(
  {
    name: "n2",
    addresses: ["198.51.100.7", "198.51.100.8", "198.51.100.9"],
    allowedNamespaces: "All",
    controller: {},
  },
  new Problems(),
);
const image = "registry.example.com/podpin:0.1.0";

function plan(input: Partial<PodSetupInput>) {
  const problems = new Problems();
  const found = planPodSetup({ pool, image, ...input }, problems);
  const [container] = setupContainers(found, (position) => String(pool.addresses[position]));
  return { plan: found, container, lines: problems.lines };
}

test("adds addresses with NET_ADMIN and no other capability", () => {
  expect(plan({}).container?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: false,
    runAsUser: 0,
  });
});

const ARP = { name: "net.ipv4.conf.eth0.arp_announce", value: "2" };
const NON_LOCAL = { name: "net.ipv4.ip_nonlocal_bind", value: "1" };

test.each([
  ["the primary network without allowed sysctls pins the gateway", {}, [], true],
  ["the primary network with allowed sysctls sets arp_announce", { unsafeSysctlsAllowed: true }, [ARP], false],
  [
    "the alias of the primary network is the same",
    { network: "pod-network", unsafeSysctlsAllowed: true },
    [ARP],
    false,
  ],
  ["another network needs neither", { network: "blue", unsafeSysctlsAllowed: true }, [], false],
  ["another network needs neither, sysctls or not", { network: "blue" }, [], false],
])("%s", (_, input, sysctls, pinGateway) => {
  const { plan: found, lines } = plan(input);
  expect(lines).toEqual([]);
  expect(found.sysctls).toEqual(sysctls);
  expect(found.container?.pinGateway).toBe(pinGateway);
});

test("binding to addresses that are not there takes sysctls and no container", () => {
  const method = "nonlocal-bind";
  const primary = plan({ method, unsafeSysctlsAllowed: true, image: undefined });
  expect([primary.lines, primary.plan.sysctls, primary.container]).toEqual([[], [NON_LOCAL, ARP], undefined]);
  expect(plan({ method, unsafeSysctlsAllowed: true, network: "blue" }).plan.sysctls).toEqual([NON_LOCAL]);
});

test("annotates Pods on another network", () => {
  expect(plan({ network: "blue" }).plan.annotations).toEqual({
    "networking.gke.io/default-interface": "eth0",
    "networking.gke.io/interfaces":
      '[{"interfaceName":"eth0","network":"default"},{"interfaceName":"eth1","network":"blue"}]',
  });
  expect(plan({}).plan.annotations).toEqual({});
});

/** Runs the container's script in a shell whose `ip` only tells what it was asked. */
function asked(input: Partial<PodSetupInput>, podName: string): { status: number | null; out: string[]; err: string } {
  const { container } = plan(input);
  const variables = (container?.env ?? []).map(({ name, value }) => [name, value ?? podName]);
  const ip =
    'ip() { case "$*" in *"route show"*) echo "default via 10.0.0.1";; *"neighbour show"*) echo "10.0.0.1 lladdr 02:00:00:00:00:01 REACHABLE";; *) echo "ip $*";; esac; }';
  const { status, stdout, stderr } = spawnSync("sh", ["-euc", `${ip}\n${container?.command[2] ?? "exit 9"}`], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ...(Object.fromEntries(variables) as Record<string, string>) },
  });
  return { status, out: stdout.split("\n").filter((line) => line !== ""), err: stderr };
}

const add = (address: string, dev = "eth0") => `ip address replace ${address}/32 dev ${dev}`;

test.each([
  ["the first Pod", { network: "blue", startIndex: 1 }, "db-0", [add("198.51.100.8", "eth1")]],
  ["the last Pod", { network: "blue" }, "db-2", [add("198.51.100.9", "eth1")]],
  ["a Pod without addresses", { network: "blue" }, "db-7", []],
  [
    "several addresses",
    { network: "blue", addressesPerPod: 2 },
    "my-db-0",
    [add("198.51.100.7", "eth1"), add("198.51.100.8", "eth1")],
  ],
  [
    "ordinals of one's own",
    { network: "blue", ordinals: { from: 10, to: 11 } },
    "db-11",
    [add("198.51.100.8", "eth1")],
  ],
  [
    "every Pod of a Deployment",
    { network: "blue", sharedCount: 2 },
    "web-5d4f-x2x1",
    [add("198.51.100.7", "eth1"), add("198.51.100.8", "eth1")],
  ],
  [
    "a pinned gateway, before the addresses",
    { unsafeSysctlsAllowed: false },
    "db-1",
    [
      "ip neighbour replace 10.0.0.1 dev eth0 use",
      "ip neighbour replace 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent",
      add("198.51.100.8"),
    ],
  ],
] as const)("the script gives %s what is theirs", (_, input, podName, expected) => {
  expect(asked(input, podName)).toEqual({ status: 0, out: expected, err: "" });
});

test("the script fails in a Pod that is of no StatefulSet", () => {
  expect(asked({ network: "blue" }, "web-5d4f-x2x1")).toEqual({
    status: 1,
    out: [],
    err: "web-5d4f-x2x1 is no Pod of a StatefulSet\n",
  });
});

test.each<[string, Partial<PodSetupInput>, string[]]>([
  [
    "no image",
    { image: undefined },
    ["image: got nothing; name an image with sh, sed and iproute2 for the init container, for example podpin's own"],
  ],
  [
    "a bind that the node pool does not allow",
    { method: "nonlocal-bind" },
    [
      'method: got "nonlocal-bind"; it needs the sysctl net.ipv4.ip_nonlocal_bind: allow it on the node pool and set unsafeSysctlsAllowed: true, or use "add-address"',
    ],
  ],
  ["a method in the wrong case", { method: "Add-Address" as never }, ['method: got "Add-Address"; use "add-address"']],
  [
    "an interface that is none",
    { interfaceName: "eth0; id" },
    ['interfaceName: got "eth0; id"; use the name of the interface in the Pod, for example "eth1"'],
  ],
  ["no addresses", { sharedCount: 0 }, ["addresses: got []; pass at least one address"]],
  [
    "shared addresses of a StatefulSet",
    { sharedCount: 1, replicas: 3 },
    ["replicas: got 3; addresses gives every Pod the same, leave one of the two out"],
  ],
  [
    "more Pods than addresses",
    { replicas: 4 },
    [
      'ordinals: got 3 addresses for 4 Pods of the StatefulSet; add 1 more to pool "n2" or set ordinals: { from: 0, to: 2 }',
    ],
  ],
])("judges %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});
