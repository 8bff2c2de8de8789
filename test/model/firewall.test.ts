import { computeFirewallObject, type FirewallInput, planFirewall } from "../../lib/model/firewall";
import { Problems } from "../../lib/model/problems";

const right: FirewallInput = {
  name: "edge",
  network: "default",
  sourceRanges: ["203.0.113.0/24"],
  targetTags: ["edge-nodes"],
};

function plan(input: Partial<FirewallInput>) {
  const problems = new Problems();
  return { plan: planFirewall({ ...right, ...input }, problems), lines: problems.lines };
}

const NAME =
  'a name in Compute Engine has 1 to 63 lower-case letters, digits and "-", starts with a letter and does not end with "-"';

test.each<[string, Partial<FirewallInput>, string[]]>([
  ["a name with a dot", { name: "edge.rule" }, [`name: got "edge.rule"; ${NAME}`]],
  [
    "no network",
    { network: undefined },
    [
      'network: got nothing; name the VPC network of the nodes\' interfaces that receive the packets, for example "default"',
    ],
  ],
  [
    "nobody to let in",
    { sourceRanges: [] },
    [
      'sourceRanges: got []; say which clients may come, for example "203.0.113.0/24", or "0.0.0.0/0" for all of the internet',
    ],
  ],
  [
    "a range with host bits",
    { sourceRanges: ["0.0.0.0/0", "203.0.113.5/24"] },
    ['sourceRanges[1]: got "203.0.113.5/24"; use a range, for example "203.0.113.0/24"'],
  ],
  [
    "an address, and what is no range at all",
    { sourceRanges: ["203.0.113.5", "office"] },
    [
      'sourceRanges[0]: got "203.0.113.5"; use a range, for example "203.0.113.5/32"',
      'sourceRanges[1]: got "office"; use an IPv4 range whose host bits are zero, as in "203.0.113.0/24"',
    ],
  ],
  [
    "no nodes",
    { targetTags: undefined },
    ["targetTags: got nothing; say for which nodes: the network tags of their node pools, or targetServiceAccounts"],
  ],
  [
    "nodes by tags and by accounts",
    { targetServiceAccounts: ["nodes@my-project.iam.gserviceaccount.com"] },
    [
      'targetServiceAccounts: got ["nodes@my-project.iam.gserviceaccount.com"]; a rule chooses nodes by tags or by service accounts, leave one of the two out',
    ],
  ],
  ["a tag in capitals", { targetTags: ["Edge"] }, [`targetTags[0]: got "Edge"; ${NAME}`]],
  ["no protocol", { protocols: [] }, ['protocols: got []; name at least one, or leave it out for "all"']],
  [
    "an unknown protocol",
    { protocols: ["tcp", "TCP", "256"] },
    ["TCP", "256"].map(
      (got, index) =>
        `protocols[${index + 1}]: got "${got}"; use "tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all" or a number from 0 to 255`,
    ),
  ],
  [
    "ports of every protocol",
    { ports: ["443"] },
    ['ports: got ["443"]; only "tcp", "udp" and "sctp" have ports: set protocols to some of these'],
  ],
  [
    "ports that are none",
    { protocols: ["tcp"], ports: ["443", "8100-8000", "65536", "http"] },
    ["8100-8000", "65536", "http"].map(
      (got, index) =>
        `ports[${index + 1}]: got "${got}"; use a port or a range of ports, for example "443" or "8000-8100"`,
    ),
  ],
  ["a priority that is none", { priority: -1 }, ["priority: got -1; use a whole number from 0 to 65535"]],
])("says what is wrong with %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("lets everything in unless told otherwise", () => {
  expect(plan({})).toEqual({ plan: { name: "edge", allowed: [{ protocol: "all" }], priority: 1000 }, lines: [] });
  expect(plan({ protocols: ["tcp", "sctp"], ports: ["443", "8000-8100"] }).plan.allowed).toEqual([
    { protocol: "tcp", ports: ["443", "8000-8100"] },
    { protocol: "sctp", ports: ["443", "8000-8100"] },
  ]);
  expect(plan({ protocols: ["132", "esp"] }).lines).toEqual([]);
});

test("writes a rule for Config Connector like this", () => {
  const object = computeFirewallObject(plan({ protocols: ["udp"], ports: ["2152"] }).plan, {
    namespace: "edge",
    network: "projects/my-project/global/networks/core",
    sourceRanges: ["203.0.113.0/24"],
    destinationRanges: ["198.51.100.7/32"],
    targetServiceAccounts: ["nodes@my-project.iam.gserviceaccount.com"],
    description: "Clients",
    project: "my-project",
  });
  expect(object).toEqual({
    apiVersion: "compute.cnrm.cloud.google.com/v1beta1",
    kind: "ComputeFirewall",
    metadata: {
      name: "edge",
      namespace: "edge",
      annotations: { "cnrm.cloud.google.com/project-id": "my-project" },
    },
    spec: {
      description: "Clients",
      networkRef: { external: "projects/my-project/global/networks/core" },
      direction: "INGRESS",
      priority: 1000,
      sourceRanges: ["203.0.113.0/24"],
      destinationRanges: ["198.51.100.7/32"],
      allow: [{ protocol: "udp", ports: ["2152"] }],
      targetServiceAccounts: [{ external: "nodes@my-project.iam.gserviceaccount.com" }],
    },
  });
});
