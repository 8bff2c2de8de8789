// A segment of its own for each run: a client, a router and two nodes on a bridge, a client behind the router, and Pods
// that are connected as CNI plugins do it. Each node has strict reverse path filtering, a masquerade like
// ip-masq-agent's, and things of others that nobody may touch.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { bridgeLines, CniStyle, OVERLAY, overlayLines, podLines } from "./cni";
import { Peer } from "./peer";

export const CLIENT = "10.90.0.100";
const ROUTER = "10.90.0.1";
/** A client that reaches addresses through the router, which has a static route for each. */
export const OUTSIDE = "192.0.2.100";
export const NODE_IPS = { n1: "10.90.0.11", n2: "10.90.0.12" } as const;
export type NodeName = keyof typeof NODE_IPS;
export const CLUSTER_CIDRS = "10.244.0.0/16\n10.96.0.0/16\n10.90.0.11/32\n10.90.0.12/32\n";
export const UPLINK = "up0";

export interface TestPod {
  readonly name: string;
  readonly node: NodeName;
  readonly ip: string;
  readonly uid: string;
  /** The interface on the node. */
  readonly veth: string;
}

export type Protocol = "udp" | "tcp";

export interface Responder {
  pause(): void;
  resume(): void;
}

/** Who a responder is, and whom it saw. */
export interface Answer {
  readonly name: string;
  readonly peer: string;
}

/** Services as kube-proxy has them: address → the Pod behind it. */
export type Services = Readonly<Record<string, string>>;

const FOREIGN_RULES = `
table ip foreign {
  chain post {
    type nat hook postrouting priority 100; policy accept;
    ip daddr { 10.244.0.0/16, 10.96.0.0/16 } return
    oifname "${UPLINK}" ip saddr 10.90.0.0/24 fib saddr type local return
    masquerade
  }
  chain forward_drop {
    type filter hook forward priority 0; policy accept;
    ct state invalid drop
  }
}
`;

/** How a node reaches the Pods of the other one without a tunnel. */
const directRoute = (node: NodeName): string =>
  node === "n1"
    ? `ip route replace 10.244.2.0/24 via ${NODE_IPS.n2}`
    : `ip route replace 10.244.1.0/24 via ${NODE_IPS.n1}`;

export class Segment {
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #bridged = new Set<NodeName>();
  #serial = 0;

  constructor() {
    this.#prefix = `pk${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`;
    try {
      this.#namespace("sw");
      this.sh("sw", ["ip link add br0 type bridge", "ip link set br0 up"]);
      this.#attach("cl", CLIENT);
      for (const node of ["n1", "n2"] as const) this.#node(node);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What puts a program into a namespace. */
  prefix(place: string): string[] {
    return ["ip", "netns", "exec", this.#name(place)];
  }

  /** Runs commands in a namespace, each by the shell; fails with what the first bad one said. */
  sh(place: string, script: readonly string[]): string {
    const result = spawnSync("ip", ["netns", "exec", this.#name(place), "sh", "-ec", script.join("\n")], {
      encoding: "utf8",
    });
    if (result.status !== 0) throw new Error(`${place}: ${script.join("; ")}: ${result.stderr}`);
    return result.stdout;
  }

  addPod(node: NodeName, name: string, ip: string, style: CniStyle = CniStyle.Gateway): TestPod {
    this.#namespace(name);
    const pod = { name, node, ip, uid: `uid-${name}` };
    return { ...pod, veth: this.#connect(pod, style, "eth0", true) };
  }

  /** A further network of the Pod. The answer has the Pod's address there. */
  addInterface(pod: TestPod, ip: string, style: CniStyle, device: string): TestPod {
    return { ...pod, ip, veth: this.#connect({ ...pod, ip }, style, device, false) };
  }

  #connect(pod: Omit<TestPod, "veth">, style: CniStyle, device: string, first: boolean): string {
    const { name, node, ip } = pod;
    const veth = `v${++this.#serial}`;
    const bridge = style === CniStyle.Bridge && !this.#bridged.has(node) ? bridgeLines(node) : [];
    if (bridge.length > 0) this.#bridged.add(node);
    const lines = podLines(style, { node, ip, veth, device, namespace: this.#name(name) }, first);
    this.sh(node, [...bridge, ...lines.node]);
    this.sh(name, lines.pod);
    return veth;
  }

  /** Adds the router and the client behind it; the nodes send there what they know no better way for. */
  addOutside(): void {
    this.#attach("gw", ROUTER);
    this.#namespace("ext");
    this.sh("gw", [
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
      `ip link add out0 type veth peer name ${UPLINK} netns ${this.#name("ext")}`,
      "ip addr add 192.0.2.1/24 dev out0",
      "ip link set out0 up",
    ]);
    this.sh("ext", [
      `ip addr add ${OUTSIDE}/24 dev ${UPLINK}`,
      `ip link set ${UPLINK} up`,
      "ip route add default via 192.0.2.1",
    ]);
    for (const node of ["n1", "n2"]) this.sh(node, [`ip route add default via ${ROUTER}`]);
  }

  /** From now on the Pods of the two nodes reach each other through a tunnel. */
  addOverlay(): void {
    this.sh("n1", overlayLines("n1", "n2", NODE_IPS, UPLINK));
    this.sh("n2", overlayLines("n2", "n1", NODE_IPS, UPLINK));
  }

  removeOverlay(): void {
    for (const node of ["n1", "n2"] as const) this.sh(node, [`ip link del ${OVERLAY}`, directRoute(node)]);
  }

  addServices(node: NodeName, services: Services): void {
    const elements = Object.entries(services).map(([service, pod]) => `${service} : ${pod}`);
    const chain = (name: string, hook: string): string =>
      `chain ${name} { type nat hook ${hook} priority -100; policy accept; dnat to ip daddr map @services; }`;
    this.sh(node, [
      `nft -f - <<'END'
table ip services {
  map services { type ipv4_addr : ipv4_addr; elements = { ${elements.join(", ")} } }
  ${chain("pre", "prerouting")}
  ${chain("out", "output")}
}
END`,
    ]);
  }

  /** The Pod and its interface disappear, as when its sandbox is torn down. */
  removePod(pod: TestPod): void {
    this.sh(pod.node, [`ip link del ${pod.veth}`]);
    spawnSync("ip", ["netns", "del", this.#name(pod.name)]);
  }

  /** Starts a responder on the addresses; resolves when it listens. It can be made to stand still. */
  async respond(place: string, addresses: readonly string[]): Promise<Responder> {
    const child = this.#program(place, "responder.mjs", [place, ...addresses]);
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`responder in ${place} ended with ${code}`)));
    });
    return { pause: () => void child.kill("SIGSTOP"), resume: () => void child.kill("SIGCONT") };
  }

  /** Asks a responder, again and again; nothing when there was no answer all that time. */
  ask(place: string, protocol: Protocol, address: string, from = "", patienceMs = 15_000): Answer | undefined {
    const asking = [
      process.execPath,
      program("ask.mjs"),
      protocol,
      address,
      String(patienceMs),
      ...(from === "" ? [] : [from]),
    ];
    const result = spawnSync("ip", [...this.prefix(place).slice(1), ...asking], { encoding: "utf8" });
    if (result.status !== 0) return undefined;
    const { name, peer } = JSON.parse(result.stdout) as Answer;
    return { name, peer };
  }

  /** Who answers when nobody should: within a second, whatever answers at all has answered. */
  stranger(place: string, protocol: Protocol, address: string): Answer | undefined {
    return this.ask(place, protocol, address, "", 1000);
  }

  pings(place: string, address: string, from?: string): boolean {
    const source = from === undefined ? [] : ["-I", from];
    const args = [...this.prefix(place).slice(1), "ping", "-n", "-c", "1", "-w", "15", ...source, address];
    return spawnSync("ip", args).status === 0;
  }

  /** Starts capturing in a namespace; `first` resolves with the next packet that fits, as tcpdump shows it. */
  async capture(place: string, filter: string): Promise<{ readonly first: Promise<string> }> {
    const argv = [...this.prefix(place).slice(1), "tcpdump", "-n", "-l", "-t", "-c", "1", "-i", "any", filter];
    const child = spawn("ip", argv, { stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    const first = new Promise<string>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => resolve(chunk.toString().split("\n")[0] ?? ""));
    });
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (chunk: Buffer) => chunk.toString().includes("listening on") && resolve());
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`tcpdump in ${place} ended with ${code}`)));
    });
    return { first };
  }

  /** Starts one end of many connections. */
  peer(place: string): Peer {
    return new Peer(this.#program(place, "peer.mjs", []));
  }

  probe(place: string, address: string): Probe {
    return new Probe(this.#program(place, "probe.mjs", [address]));
  }

  /**
   * Datagrams that reached a program's socket and found it full, because the program did not get the processor in time:
   * 1 kHz fills the kernel's default buffer in about 280 ms. They were not lost on the way.
   */
  overflows(places: readonly string[]): number {
    return this.#udpCounts(places, ["RcvbufErrors"]);
  }

  /** Datagrams that arrived, whether or not a program could take them in. */
  arrived(places: readonly string[]): number {
    return this.#udpCounts(places, ["InDatagrams", "RcvbufErrors"]);
  }

  #udpCounts(places: readonly string[], counters: readonly string[]): number {
    const counted = places.flatMap((place) => {
      const [names = [], values = []] = this.sh(place, ["grep ^Udp: /proc/net/snmp"])
        .split("\n")
        .map((line) => line.split(" "));
      return counters.map((counter) => Number(values[names.indexOf(counter)]));
    });
    return counted.reduce((sum, count) => sum + count, 0);
  }

  /** All that an agent could have left on a node, as text. */
  snapshot(node: NodeName): string {
    return this.sh(node, [
      "ip rule",
      // The kernel keeps an empty table for ever; only what is in it counts.
      "ip -4 route show table all | sort",
      "ip neigh show proxy",
      "nft list ruleset",
      `ip ntable show dev ${UPLINK} | grep -o 'proxy_delay [0-9]*' | head -1`,
    ]);
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#namespaces) spawnSync("ip", ["netns", "del", name]);
  }

  #node(node: NodeName): void {
    const own = node === "n1" ? 1 : 2;
    this.#attach(node, NODE_IPS[node]);
    this.sh(node, [
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
      "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter",
      directRoute(node),
      `ip route add blackhole 10.244.${own}.0/24`,
      "ip rule add pref 650 lookup 99",
      "ip route add 203.0.113.0/24 dev up0 table 99",
      "ip neigh add proxy 10.90.0.250 dev up0",
      `nft -f - <<'END'${FOREIGN_RULES}END`,
    ]);
  }

  #attach(place: string, ip: string): void {
    this.#namespace(place);
    this.sh("sw", [
      `ip link add p-${place} type veth peer name ${UPLINK} netns ${this.#name(place)}`,
      `ip link set p-${place} master br0 up`,
    ]);
    this.sh(place, [`ip addr add ${ip}/24 dev ${UPLINK}`, `ip link set ${UPLINK} up`]);
  }

  #namespace(place: string): void {
    const name = this.#name(place);
    const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`ip netns add ${name}: ${made.stderr}; the kernel tests need root`);
    if (!this.#namespaces.includes(name)) this.#namespaces.push(name);
    this.sh(place, ["ip link set lo up", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 || true"]);
  }

  #name(place: string): string {
    return `${this.#prefix}-${place}`;
  }

  #program(place: string, name: string, args: readonly string[]): ChildProcess {
    const argv = [...this.prefix(place).slice(1), process.execPath, program(name), ...args];
    const child = spawn("ip", argv, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }
}

export interface ProbeReport {
  readonly sent: number;
  readonly lost: number;
  readonly longestGapMs: number;
  /** Answers by responder. */
  readonly answers: Readonly<Record<string, number>>;
}

/** A running `probe.mjs`. */
export class Probe {
  #output = "";
  #waiting = new Set<() => void>();

  constructor(private readonly child: ChildProcess) {
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
      for (const wake of this.#waiting) wake();
    });
  }

  /** Resolves when the responder has given so many answers more than it has now. */
  async answers(name: string, more: number): Promise<void> {
    const goal = this.#count(name) + more;
    while (this.#count(name) < goal) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  async end(): Promise<ProbeReport> {
    this.child.stdin?.end();
    await new Promise((resolve) => this.child.once("close", resolve));
    return JSON.parse(this.#lines().at(-1) ?? "{}") as ProbeReport;
  }

  #count(name: string): number {
    const counts = JSON.parse(this.#lines().at(-1) ?? "{}") as Record<string, number>;
    return counts[name] ?? 0;
  }

  #lines(): string[] {
    return this.#output.split("\n").slice(0, -1);
  }
}

const program = (name: string): string => join(__dirname, "programs", name);
