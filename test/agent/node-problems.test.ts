import { type NodeFacts, nodeProblems, nodeVerdict } from "../../controller-image/src/agent/node-problems";
import { Delivery } from "../../lib/model/binding";
import { ack, binding, takenBack } from "./bindings";
import { HEALTHY } from "./healthy-node";
import { A, B, World } from "./world";

const EVERY = Object.values(Delivery);

describe("what is wrong with a node", () => {
  test.each<[string, Partial<NodeFacts>, string[], readonly Delivery[]]>([
    ["nothing", {}, [], []],
    ["a FORWARD chain that drops: our rule helps", { forwardDrops: true }, [], []],
    [
      "a missing program",
      { programs: { nft: "cannot run nft: spawn nft ENOENT" } },
      ["nft: cannot run nft: spawn nft ENOENT; use the packaged image, which has it"],
      EVERY,
    ],
    [
      "no conntrack",
      { programs: { conntrack: "cannot run conntrack: spawn conntrack ENOENT" } },
      ["conntrack: cannot run conntrack: spawn conntrack ENOENT; use the packaged image, which has it"],
      [Delivery.Nat],
    ],
    [
      "an old kernel",
      { kernel: "4.17.3-generic", tableRefused: "Operation not supported" },
      [
        "Linux 4.17.3-generic is older than 4.18, with which addresses cannot be kept from masquerading; update the node",
      ],
      EVERY,
    ],
    ["the oldest kernel that will do", { kernel: "4.18.0-553.el8.x86_64" }, [], []],
    [
      "a kernel that does not take the table",
      { tableRefused: "Error: Could not process rule: Operation not supported" },
      [
        "the kernel does not take podpin's nftables table: Error: Could not process rule: Operation not supported; the node needs nf_tables with nat, sets and maps",
      ],
      EVERY,
    ],
    [
      "a node that does not forward",
      { sysctls: { "ipv4.ip_forward": "0" } },
      ["net.ipv4.ip_forward: got 0; set it to 1 on the node, or no packet reaches a Pod"],
      EVERY,
    ],
    [
      "Cilium",
      { cilium: true },
      [
        'Cilium is the network plugin here: delivery "nat" needs its legacy host routing (bpf.hostLegacyRouting=true), and "app" and "interface" need its source verification off for the Pod',
      ],
      [],
    ],
    [
      "the older iptables",
      { legacyFilter: true },
      [
        "the older iptables (legacy) has a filter table, which nft cannot see; if its FORWARD policy is DROP, run on the node: iptables-legacy -I FORWARD 1 -m mark --mark 0x2000/0x2000 -j ACCEPT",
      ],
      [],
    ],
    [
      "a firewall of its own",
      { droppingChains: ["inet filter forward"] },
      [
        'the nftables chain "inet filter forward" drops forwarded packets that none of its rules accepts; let it accept packets with the mark 0x2000/0x2000: nft insert rule inet filter forward meta mark and 0x2000 == 0x2000 accept',
      ],
      [],
    ],
    [
      "many neighbours, and nearly too many",
      { neighbours: 922, sysctls: { "ipv4.ip_forward": "1", "ipv4.neigh.default.gc_thresh3": "1024" } },
      [
        "of the 1024 neighbours that the kernel can know (net.ipv4.neigh.default.gc_thresh3) 90 % are known; when all are, packets for others are dropped, also those for Pods with addresses and their clients; raise it on the node",
      ],
      [],
    ],
    [
      "fewer neighbours",
      { neighbours: 921, sysctls: { "ipv4.ip_forward": "1", "ipv4.neigh.default.gc_thresh3": "1024" } },
      [],
      [],
    ],
    [
      "an uplink below another interface",
      { master: { of: "eth1", name: "bond0", kind: "bond" } },
      [
        'the uplink: got "eth1", which is a port of bond0 (bond): what arrives there is for that, and nobody who asks for an address is answered; set uplink: "bond0" on PersistentIpController, or leave it out',
      ],
      [],
    ],
    [
      "a rule that leaves nothing to ours",
      { rulesBefore: ["5: from all lookup main"] },
      [
        'the routing rule "5: from all lookup main" comes before podpin\'s (700), so packets for addresses leave by the routes of the table main; give it a preference above 700',
      ],
      [],
    ],
    [
      "an uplink that speaks for everything",
      { sysctls: { "ipv4.ip_forward": "1", "ipv4.conf.all.proxy_arp": "0", "ipv4.conf.eth0.100.proxy_arp": "1" } },
      [
        "net.ipv4.conf.eth0.100.proxy_arp: got 1; with it the node speaks for addresses also while it must be silent; podpin does not need it, set it to 0 on the node",
      ],
      [],
    ],
    [
      "a table of connections that is nearly full",
      { sysctls: { "netfilter.nf_conntrack_max": "1000", "netfilter.nf_conntrack_count": "900" } },
      [
        "of the 1000 connections that the kernel can know (net.netfilter.nf_conntrack_max) 90 % are in use; when all are, packets of new ones are dropped, also those for addresses; raise it on the node",
      ],
      [],
    ],
    [
      "room for more connections",
      { sysctls: { "netfilter.nf_conntrack_max": "1000", "netfilter.nf_conntrack_count": "899" } },
      [],
      [],
    ],
    [
      "a conntrack that hangs",
      { unanswered: "conntrack -D -d 198.51.100.7: no answer within 10000 ms" },
      [
        "conntrack gives no answer: with delivery nat an address that moves here waits for it, until old connections are gone; the log of the node's kernel says for what it waits",
      ],
      [],
    ],
    [
      "strict connection tracking",
      { sysctls: { "ipv4.ip_forward": "1", "netfilter.nf_conntrack_tcp_loose": "0" } },
      [
        "net.netfilter.nf_conntrack_tcp_loose: got 0; with it connections hang after a move instead of being reset; set it to 1 on the node",
      ],
      [],
    ],
    [
      "a kernel without filters at interfaces",
      { fenceRefused: "Error: Operation not supported" },
      [
        "the kernel takes no nftables filter at an interface: Error: Operation not supported; what stops an old Pod from sending with an address that moved is net.ipv4.conf.*.rp_filter = 1 alone",
      ],
      [],
    ],
    [
      "a kernel without zones for connections",
      { zonesRefused: "Error: Operation not supported" },
      [
        "the kernel has no zones for connections (CONFIG_NF_CONNTRACK_ZONES): Error: Operation not supported; with delivery nat what a Pod has not answered in the instant of a move is lost",
      ],
      [],
    ],
  ])("%s", (_title, facts, problems, unfit) => {
    const all = { ...HEALTHY, ...facts };
    expect(nodeProblems(all).map(({ text }) => text)).toEqual(problems);
    const verdict = nodeVerdict(all);
    expect([...verdict.unfit.keys()].sort()).toEqual([...unfit].sort());
    for (const text of verdict.unfit.values()) expect(text).toBe(problems[0]);
    expect(verdict.fences).toBe(facts.fenceRefused === undefined);
    expect(verdict.zones).toBe(facts.zonesRefused === undefined);
  });

  test("each has a name of its own for the metric", () => {
    const bad: NodeFacts = {
      ...HEALTHY,
      kernel: "4.9.0",
      programs: {
        ip: "cannot run ip: x",
        nft: "cannot run nft: x",
        conntrack: "cannot run conntrack: x",
        socat: "cannot run socat: x",
      },
      sysctls: { "ipv4.ip_forward": "0", "netfilter.nf_conntrack_tcp_loose": "0" },
      cilium: true,
      legacyFilter: true,
      fenceRefused: "x",
      zonesRefused: "x",
    };
    const ids = nodeProblems(bad).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(nodeVerdict(bad).unsupported).toBe("ip: cannot run ip: x; use the packaged image, which has it");
  });
});

describe("bindings on a node that is not fit", () => {
  const verdict = (facts: Partial<NodeFacts>) => nodeVerdict({ ...HEALTHY, ...facts });

  test("fail with what to do, are served once the node is put right, and what works is not taken away", async () => {
    const world = new World();
    let node = verdict({ sysctls: { "ipv4.ip_forward": "0" } });
    const agent = world.agent({ node: () => node });
    world.write(binding(A));
    await world.rest();
    expect(world.kernel.untouched).toBe(true);
    expect(world.ack()).toEqual({
      ...ack("node-1", 1, "Failed", "uid-1"),
      reason: "NodeNotSupported",
      message: "net.ipv4.ip_forward: got 0; set it to 1 on the node, or no packet reaches a Pod",
    });
    node = verdict({});
    agent.poke();
    await world.rest();
    expect(world.ack()?.state).toBe("Announced");
    node = verdict({ sysctls: { "ipv4.ip_forward": "0" } });
    agent.poke();
    await world.rest();
    expect([world.ack()?.state, world.kernel.paths.size]).toEqual(["Announced", 1]);
  });

  test("an address that an interface of the node has is refused, whatever brings packets for it", async () => {
    const world = new World();
    world.agent({ node: () => verdict({ addresses: [A, "10.0.0.11"] }) });
    world.write(binding(A, { fabric: "gce" }));
    world.write(binding(B, { fabric: "gce" }));
    await world.rest();
    expect(world.ack(A)).toMatchObject({
      state: "Failed",
      reason: "AddressNotAllowed",
      message: `${A} is the address of a node; reserve another one`,
    });
    expect([...world.kernel.thrown]).toEqual([B]);
    expect(world.ack(B)?.state).toBe("Announced");
  });

  test("are told so even where the kernel cannot be looked at", async () => {
    const world = new World();
    world.kernel.observe = () => Promise.reject(new Error("cannot run nft: spawn nft ENOENT"));
    const agent = world.agent({ node: () => verdict({ programs: { nft: "cannot run nft: spawn nft ENOENT" } }) });
    world.write(binding(A));
    await world.rest();
    const why = "nft: cannot run nft: spawn nft ENOENT; use the packaged image, which has it";
    expect(world.ack()).toEqual({ ...ack("node-1", 1, "Failed", "uid-1"), reason: "NodeNotSupported", message: why });
    expect(agent.unready()).toBe(why);
  });

  test("old Pods are not fenced where the kernel cannot do that, and moves go on", async () => {
    const world = new World();
    world.agent({ node: () => verdict({ fenceRefused: "Operation not supported" }) });
    world.write(binding(A, { delivery: "app" }));
    await world.rest();
    world.write({ ...takenBack(A), spec: { ...takenBack(A).spec, delivery: "app" } });
    await world.rest();
    expect(world.ack()).toEqual(ack("node-1", 1, "Released", ""));
    expect(world.kernel.untouched).toBe(true);
  });
});
