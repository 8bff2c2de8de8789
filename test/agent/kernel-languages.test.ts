import {
  failedLines,
  parseNeighbours,
  parseObservation,
  parsePorts,
  withPorts,
} from "../../controller-image/src/agent/iproute";
import { baseScript, clusterIntervals, parseTable, replaceCluster } from "../../controller-image/src/agent/nft";

// What iproute2 6.1 and nft 1.0.6 printed; the kernel tests compare with what is installed.

const LINKS = [
  { ifindex: 1, ifname: "lo", flags: ["LOOPBACK", "UP"], address: "00:00:00:00:00:00" },
  { ifindex: 2, ifname: "eth0", flags: ["BROADCAST", "UP", "LOWER_UP"], address: "02:00:00:00:00:01" },
  { ifindex: 7, ifname: "veth7", flags: ["UP"], address: "02:00:00:00:00:07", linkinfo: { info_kind: "veth" } },
  { ifindex: 8, ifname: "cni0", flags: ["UP"], address: "02:00:00:00:00:08", linkinfo: { info_kind: "bridge" } },
  {
    ifindex: 9,
    ifname: "veth9",
    flags: ["UP"],
    master: "cni0",
    link_netnsid: 3,
    linkinfo: {
      info_kind: "veth",
      info_slave_kind: "bridge",
      info_slave_data: { state: "forwarding", hairpin: false },
    },
  },
  { ifindex: 10, ifname: "flannel.1", flags: ["UP"], linkinfo: { info_kind: "vxlan" } },
  { ifindex: 11, ifname: 'bad"name', flags: ["UP"], linkinfo: { info_kind: "vxlan" } },
];

const OURS = [
  {
    type: "1",
    dst: "192.0.2.7",
    gateway: "10.244.1.11",
    dev: "veth7",
    protocol: "153",
    scope: "0",
    flags: ["onlink"],
  },
  { type: "6", dst: "192.0.2.7", protocol: "153", scope: "0", metric: 4096, flags: [] },
  { type: "6", dst: "192.0.2.8", protocol: "153", scope: "0", metric: 4096, flags: [] },
  { type: "1", dst: "192.0.2.9", gateway: "10.0.0.12", dev: "eth0", protocol: "4", flags: [] },
];
const LOCAL = [
  { type: "9", dst: "192.0.2.7", protocol: "153", scope: "0", flags: [] },
  { type: "2", dst: "192.0.2.6", dev: "eth0", protocol: "153", scope: "254", flags: [] },
  { type: "2", dst: "192.0.2.5", dev: "eth0", protocol: "66", scope: "254", flags: [] },
  { type: "2", dst: "192.0.2.4", dev: "eth0", protocol: "4", scope: "254", flags: [] },
  { type: "2", dst: "127.0.0.0/8", dev: "lo", protocol: "2", scope: "254", flags: [] },
  { type: "2", dst: "10.0.0.11", dev: "eth0", protocol: "2", scope: "254", flags: [] },
  { type: "3", dst: "10.0.0.255", dev: "eth0", protocol: "2", scope: "253", flags: [] },
];

const answers = (routeGets: readonly object[][], routes: readonly object[][] = [OURS, LOCAL]): string =>
  [
    [
      { priority: 700, src: "10.0.0.9", table: "254", protocol: "4" },
      { priority: 700, src: "all", table: "7421", protocol: "153" },
    ],
    ...routes,
    [
      { dst: "192.0.2.77", dev: "eth0", proxy: null },
      { dst: "192.0.2.7", dev: "eth0", proxy: null, protocol: "153" },
      { dst: "192.0.2.7", dev: "eth1", proxy: null, protocol: "153" },
    ],
    LINKS,
    [
      { family: "inet", name: "arp_cache", dev: "eth0", proxy_delay: 800 },
      { family: "inet6", name: "ndisc_cache", dev: "eth0", proxy_delay: 700 },
    ],
    [{ nsid: 3, name: "cni-9" }, { nsid: 4, name: "../etc" }, { nsid: 5 }],
    [
      { family: "inet6", interface: "eth0", forwarding: true },
      { family: "inet", interface: "eth0", forwarding: false, rp_filter: "off" },
    ],
    ...routeGets,
  ]
    .map((answer) => `${JSON.stringify(answer)}\n`)
    .join("");

const IPS = ["10.244.1.11", "10.9.9.9", "10.244.2.5", "10.0.0.11"];
const GETS = [
  [{ type: "1", dst: "10.244.1.11", dev: "veth7", table: "254" }],
  [{ type: "1", dst: "10.244.2.5", gateway: "10.0.0.12", dev: "eth0", table: "254" }],
  [{ type: "2", dst: "10.0.0.11", dev: "lo", table: "255" }],
];
const GONE = 'Cannot find device "gone0"\nCommand failed -:1\n';
const NAMED = { namespaces: true };
// Line 10 of the batch is the question for 10.9.9.9.
const UNREACHABLE = "RTNETLINK answers: Network is unreachable\nCommand failed -:10\n";

describe("ip", () => {
  const state = parseObservation("eth0", IPS, answers(GETS), UNREACHABLE, NAMED);

  test("finds the rule by preference and table", () => {
    expect(state.rule).toBe(true);
  });

  test("reads the same where the routes were asked for beside the batch", () => {
    const stderr = UNREACHABLE.replace("10", "8");
    const apart = { ...NAMED, apart: true };
    expect(parseObservation("eth0", IPS, answers(GETS, []), stderr, apart, [OURS, LOCAL])).toEqual(state);
  });

  test("reads our routes and leaves those with another protocol out", () => {
    expect(state.routes).toEqual(
      new Map([
        ["192.0.2.7", { path: { via: "10.244.1.11", dev: "veth7" }, fallback: true }],
        ["192.0.2.8", { fallback: true }],
      ]),
    );
  });

  test("finds what is ours and what is the guest agent's in the kernel's own table", () => {
    expect([state.thrown, state.claimed]).toEqual([new Set(["192.0.2.7"]), new Set(["192.0.2.5"])]);
  });

  test("knows the node's own addresses", () => {
    expect(state.own).toEqual(new Set(["10.0.0.11"]));
  });

  test("finds our proxy neighbours that are not on the uplink", () => {
    expect(state.astray).toEqual([{ address: "192.0.2.7", dev: "eth1" }]);
  });

  test("tells our proxy neighbours on the uplink from those of others", () => {
    expect(state.proxies).toEqual(
      new Map([
        ["192.0.2.77", "foreign"],
        ["192.0.2.7", "ours"],
      ]),
    );
  });

  test("matches each answer with its question although a refused one answers nothing", () => {
    expect(state.hops).toEqual(
      new Map<string, unknown>([
        ["10.244.1.11", { dev: "veth7", ifindex: 7, kind: "veth", gateway: undefined, local: false }],
        ["10.9.9.9", "unreachable"],
        ["10.244.2.5", { dev: "eth0", ifindex: 2, kind: "", gateway: "10.0.0.12", local: false }],
        ["10.0.0.11", { dev: "lo", ifindex: 1, kind: "", gateway: undefined, local: true }],
      ]),
    );
  });

  test("reads the uplink", () => {
    expect(state.uplink).toEqual({ mac: "02:00:00:00:00:01", proxyDelay: 800, forwards: false });
  });

  test("finds tunnels and bridges, without names that could be mistaken for something else", () => {
    expect(state.links.tunnels).toEqual(new Set(["flannel.1"]));
    expect(state.links.bridges).toEqual(new Set(["cni0"]));
    expect(state.namespaceAt).toEqual(new Map([["veth9", "cni-9"]]));
    expect(state.links.ports).toEqual(new Map([["veth9", { hairpin: false }]]));
    expect(parseObservation("flannel.1", [], answers([]), "", NAMED).links.tunnels).toEqual(new Set());
  });

  test("says at which port of a bridge a Pod is, where the bridge knows", () => {
    const ips = ["10.244.1.140", "10.244.1.141"];
    const seen = parseObservation("eth0", ips, answers(ips.map((dst) => [{ type: "1", dst, dev: "cni0" }])), "", NAMED);
    const neighbours = [
      { dst: "10.244.1.140", lladdr: "02:00:00:00:01:40", state: ["REACHABLE"] },
      { dst: "10.244.1.141", state: ["FAILED"] },
    ];
    const known = parseNeighbours(["gone0", "cni0"], `${JSON.stringify(neighbours)}\n`, GONE);
    const ports = parsePorts(
      JSON.stringify([
        { mac: "02:00:00:00:01:40", ifname: "other", flags: ["self"], state: "permanent" },
        { mac: "02:00:00:00:01:40", ifname: "veth9", flags: [], master: "cni0", state: "" },
      ]),
    );
    const hop = { dev: "cni0", ifindex: 8, kind: "bridge", gateway: undefined, local: false };
    expect(withPorts(seen, known, ports).hops).toEqual(
      new Map<string, unknown>([
        ["10.244.1.140", { ...hop, port: "veth9" }],
        ["10.244.1.141", hop],
      ]),
    );
  });

  test("half an answer is an error, never an empty kernel", () => {
    expect(() => parseObservation("eth0", ["10.244.1.11"], "[]\n", "Killed")).toThrow(
      'ip gave no answer to "route show table 7421": Killed',
    );
    expect(() =>
      parseObservation("eth0", [], answers([]), "Cannot talk to rtnetlink\nCommand failed -:1\n", NAMED),
    ).toThrow('ip refused "rule show pref 700": Cannot talk to rtnetlink');
  });

  test("a missing uplink leaves the rest readable", () => {
    const gone = parseObservation("eth9", [], answers([]), 'Cannot find device "eth9"\nCommand failed -:6\n', NAMED);
    expect(gone.uplink).toBeUndefined();
    expect(gone.rule).toBe(true);
  });

  test("names the refused lines of a batch", () => {
    expect(
      failedLines("RTNETLINK answers: File exists\nCommand failed -:3\nError: what\nCommand failed -:12\n"),
    ).toEqual(
      new Map([
        [3, "RTNETLINK answers: File exists"],
        [12, "Error: what"],
      ]),
    );
    expect(failedLines("")).toEqual(new Map());
  });
});

describe("nft", () => {
  /** What `nft -j` would print for the base with these elements. */
  const printed = (elements: Record<string, unknown[]>, lessRules = 0): string => {
    const lines = baseScript(true);
    const entries: object[] = [];
    let chain = "";
    for (const line of lines) {
      const [, kind, name] = /^ {2}(set|map|chain) (\S+) /.exec(line) ?? [];
      if (kind === "chain") entries.push({ chain: { name: (chain = name ?? "") } });
      else if (kind !== undefined) entries.push({ [kind]: { name, elem: elements[name ?? ""] } });
      else if (line.startsWith("    ") && !line.includes("hook")) entries.push({ rule: { chain } });
    }
    return JSON.stringify({ nftables: entries.slice(0, entries.length - lessRules) });
  };

  test("reads sets, maps, pairs of keys and ranges", () => {
    const state = parseTable(
      printed({
        pips: ["192.0.2.1"],
        nat_pips: ["192.0.2.2"],
        pip_to_pod: [["192.0.2.2", "10.244.1.2"]],
        pod_to_pip: [["10.244.1.2", "192.0.2.2"]],
        hairpin: [[{ concat: ["10.244.1.2", "10.244.1.2"] }, "192.0.2.2"]],
        cluster: ["192.0.2.200", { range: ["10.0.0.11", "10.0.0.12"] }, { prefix: { addr: "10.244.0.0", len: 16 } }],
      }),
    );
    expect(state).toMatchObject({ base: "current", app: new Set(["192.0.2.1"]), nat: new Set(["192.0.2.2"]) });
    expect(state.podOf).toEqual(new Map([["192.0.2.2", "10.244.1.2"]]));
    expect(state.egressOf).toEqual(new Map([["10.244.1.2", "192.0.2.2"]]));
    expect(state.hairpinOf).toEqual(new Map([["10.244.1.2", "192.0.2.2"]]));
    expect(replaceCluster(state.cluster)).toEqual([
      "flush set ip pip_agent cluster",
      "add element ip pip_agent cluster { 10.0.0.11-10.0.0.12, 10.244.0.0-10.244.255.255, 192.0.2.200 }",
    ]);
  });

  test("reads interfaces, and bridges as pairs with themselves", () => {
    const state = parseTable(
      printed({
        tunnels: ["flannel.1"],
        bridges: [{ concat: ["cni0", "cni0"] }, { concat: ["cni0", "cni1"] }],
        hairpin_ports: ["veth9"],
      }),
    );
    expect(state.tunnels).toEqual(new Set(["flannel.1"]));
    expect(state.bridges).toEqual(new Set(["cni0"]));
    expect(state.hairpinPorts).toEqual(new Set(["veth9"]));
  });

  test.each<[string, string]>([
    ["a rule is missing", printed({}, 1)],
    ["one of its chains drops by default", printed({}).replace('"name":"raw_pre"', '"name":"raw_pre","policy":"drop"')],
    // As nft 1.0.6 shows a table that somebody has put to sleep.
    ["it is dormant", '{"nftables": [{"table": {"family": "ip", "name": "pip_agent", "handle": 1, "flags": '],
    ["it is somebody else's", JSON.stringify({ nftables: [{ table: { name: "pip_agent" } }] })],
  ])("does not take the table for ours when %s", (_title, json) => {
    expect(parseTable(json).base).toBe("other");
  });

  test("remembers the uplink's delay in the name of a set", () => {
    const json = JSON.stringify({ nftables: [{ set: { name: "uplink_delay_800" } }] });
    expect(parseTable(json).proxyDelayBefore).toBe(800);
  });

  test("joins ranges that touch or overlap, as nft does, and adds what is never left with a persistent address", () => {
    expect(replaceCluster(clusterIntervals(["10.0.0.12/32", "10.0.0.11/32", "10.0.0.0/28", "not a range"]))).toEqual([
      "flush set ip pip_agent cluster",
      "add element ip pip_agent cluster { 10.0.0.0-10.0.0.15, 169.254.0.0-169.254.255.255, 224.0.0.0-239.255.255.255 }",
    ]);
  });

  test("where the kernel has no zones for connections the same base does without", () => {
    const without = (line: string): boolean => !line.includes("ct original zone set");
    expect(baseScript(false)).toEqual(baseScript(true).filter(without));
  });

  test("the base is the one that was measured", () => {
    expect(baseScript(true).join("\n")).toMatchInlineSnapshot(`
     "table ip pip_agent
     delete table ip pip_agent
     table ip pip_agent {
       set base_v4 { type ipv4_addr; }
       set pips { type ipv4_addr; }
       set pip_forward { type ipv4_addr; }
       set strays { type ipv4_addr; }
       set nat_pips { type ipv4_addr; }
       map pip_to_pod { type ipv4_addr : ipv4_addr; }
       map pip_zone { typeof ip daddr : ct zone; }
       map pod_to_pip { type ipv4_addr : ipv4_addr; }
       map hairpin { type ipv4_addr . ipv4_addr : ipv4_addr; }
       map inside { type ipv4_addr : ipv4_addr; }
       set cluster { type ipv4_addr; flags interval; auto-merge; }
       set tunnels { type ifname; }
       set bridges { type ifname . ifname; }
       set hairpin_ports { type ifname; }
       chain raw_pre {
         type filter hook prerouting priority -300; policy accept;
         ip daddr @pip_forward notrack
         ip daddr @strays fib daddr . iif oif exists drop
         ip daddr @nat_pips fib daddr oif missing drop
         ct original zone set ip daddr map @pip_zone
       }
       chain raw_out {
         type filter hook output priority -300; policy accept;
         ct original zone set ip daddr map @pip_zone
       }
       chain dnat_pre {
         type nat hook prerouting priority -110; policy accept;
         dnat to ip daddr map @pip_to_pod
       }
       chain dnat_out {
         type nat hook output priority -110; policy accept;
         dnat to ip daddr map @pip_to_pod
       }
       chain fwd_mark {
         type filter hook forward priority -10; policy accept;
         ip daddr @pips meta mark set meta mark or 0x2000
         ip saddr @pips meta mark set meta mark or 0x2000
         ip daddr @pip_forward meta mark set meta mark or 0x2000
         iifname . oifname @bridges meta mark set meta mark or 0x1000
       }
       chain snat_post {
         type nat hook postrouting priority 90; policy accept;
         meta mark & 0x1000 != 0 ip daddr @pips masquerade
         meta mark & 0x1000 != 0 ct original ip daddr @nat_pips masquerade
         oifname @tunnels ip saddr @pips ip daddr @cluster masquerade
         ip saddr @pips snat to ip saddr
         ip daddr @pips snat to ip saddr
         ct original ip daddr @nat_pips snat to ip saddr . ip daddr map @hairpin
         ct original ip daddr @nat_pips snat to ip saddr
         ip daddr != @cluster snat to ip saddr map @pod_to_pip
       }
       chain no_redirect {
         type filter hook output priority 0; policy accept;
         icmp type redirect drop
       }
     }"
    `);
  });
});
