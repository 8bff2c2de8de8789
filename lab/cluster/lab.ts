// The data centre in one machine: control plane, nodes and a client outside, on one Ethernet segment. Real parts; nothing
// of it is in the machine's own network namespace, and nothing is left when it stops.
import { existsSync, mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cacheRoot } from "../parts/cache";
import { type CgroupLayout, cgroupLayout, labCgroups, makeLabCgroups } from "./cgroup";
import { type ControlPlane, type ControlPlaneParts, startControlPlane } from "./control-plane";
import { type Guarded, guard, release } from "./guard";
import { type LabHost, NamespaceHost } from "./host";
import { leftovers } from "./leftovers";
import { Ledger, makesNamespaceFolder, newRecord, readRecords } from "./ledger";
import { parseMountinfo } from "./mountinfo";
import { type LabNode, RunningNode } from "./node";
import { type CniPlugin, containerdMajor, nodeObject } from "./node-files";
import {
  API_SERVER_ADDRESS,
  API_SERVICE_ADDRESS,
  CLIENT_ADDRESS,
  type NodePlan,
  PERSISTENT_RANGE,
  SEGMENT,
  newLabId,
  planNodes,
  tagOf,
} from "./plan";
import { readOr } from "./proc";
import { must, until } from "./process";
import { remove, removeSync, sweep } from "./removal";
import { Segment } from "./segment";

export interface LabParts extends ControlPlaneParts {
  readonly kubelet: string;
  readonly kubeProxy: string;
  /** Folder `config/crd` of the Gateway API, or its `standard` folder. */
  readonly gatewayApiCrds: string;
}

export interface LabOptions {
  readonly parts: LabParts;
  /** 0 gives a control plane and a client alone. */
  readonly nodes: number;
  /** A containerd root that holds the images, used by no containerd. Each node gets a copy made of hard links. */
  readonly containerdRoot?: string;
  /** Name of the image for Pod sandboxes, as it is called in `containerdRoot`. */
  readonly pauseImage: string;
  /**
   * Where the lab's own folder is made. Nodes share image layers with `containerdRoot` where it is on the same file system.
   *
   * @default - the folder for temporary files, or `labs` in the user's cache where only that shares layers
   */
  readonly dir?: string;
  /** @default "ptp" */
  readonly cni?: CniPlugin;
  /** Nodes rewrite the source of everything that leaves the cluster, as most clusters do. @default true */
  readonly masquerade?: boolean;
  /** Called with one line for each thing that is up. */
  readonly report?: (line: string) => void;
}

export interface LabSegment {
  readonly cidr: string;
  /** Addresses that client and nodes look for by ARP. */
  readonly persistentRange: string;
  readonly bridge: string;
  readonly namespace: string;
}

export interface Lab {
  readonly id: string;
  readonly dir: string;
  /** The administrator's. It works inside the lab's namespaces: see {@link control}. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly LabNode[];
  /** Outside the cluster, on the segment. */
  readonly client: LabHost;
  /** Beside the API server: for programs that call it. */
  readonly control: LabHost;
  readonly segment: LabSegment;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Removes the lab; fails with what would not go. */
  stop(): Promise<void>;
  /** What the machine still shows of the lab; empty after a clean {@link stop}. */
  leftovers(): string[];
}

const KUBE_PROXY_USER = "system:kube-proxy";
const kubeletUser = (node: { readonly name: string }): string => `system:node:${node.name}`;

export async function startLab(options: LabOptions): Promise<Lab> {
  checkPlace(options);
  await sweep();
  const lab = new RunningLab(options);
  try {
    await lab.begin();
    return lab;
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

function checkPlace(options: LabOptions): void {
  if (process.getuid?.() !== 0) throw new Error("the lab makes network namespaces and needs root; use sudo");
  if (options.nodes === 0) return;
  const { containerdRoot } = options;
  if (containerdRoot === undefined || !existsSync(containerdRoot)) {
    throw new Error(`containerdRoot: got ${containerdRoot ?? "nothing"}; nodes need a prepared containerd root`);
  }
}

function placeOf(options: LabOptions): string {
  if (options.dir !== undefined) return options.dir;
  const cached = join(cacheRoot(), "labs");
  const { containerdRoot } = options;
  if (containerdRoot === undefined || deviceOf(containerdRoot) === deviceOf(tmpdir())) return tmpdir();
  return deviceOf(containerdRoot) === deviceOf(cacheRoot()) ? cached : tmpdir();
}

const deviceOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.dev;

class RunningLab implements Lab, Guarded {
  readonly id = newLabId();
  readonly dir: string;
  readonly client: LabHost;
  readonly control: LabHost;
  readonly segment: LabSegment;
  nodes: readonly RunningNode[] = [];

  private readonly wires: Segment;
  private readonly plans: readonly NodePlan[];
  private readonly layout: CgroupLayout | undefined;
  private readonly ledger: Ledger;
  private running: ControlPlane | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: LabOptions) {
    this.plans = planNodes(options.nodes);
    this.wires = new Segment(this.id);
    const { namespace, clientNamespace, bridge } = this.wires;
    this.dir = join(placeOf(options), tagOf(this.id));
    this.client = new NamespaceHost(clientNamespace, CLIENT_ADDRESS);
    this.control = new NamespaceHost(namespace, API_SERVER_ADDRESS);
    this.segment = { cidr: SEGMENT, persistentRange: PERSISTENT_RANGE, bridge, namespace };
    const mounts = parseMountinfo(readOr("/proc/self/mountinfo", ""));
    this.layout = options.nodes > 0 ? cgroupLayout(mounts) : undefined;
    this.ledger = new Ledger(
      newRecord(this.id, {
        folders: [this.dir],
        namespaces: [clientNamespace, ...this.plans.map((plan) => this.wires.nodeNamespace(plan)), namespace],
        cgroups: this.layout ? labCgroups(this.layout, this.id) : [],
        madeNamespaceFolder: makesNamespaceFolder(mounts, readRecords()),
      }),
    );
    guard(this);
  }

  get controlPlane(): ControlPlane {
    if (!this.running) throw new Error("the lab's control plane is not up yet");
    return this.running;
  }

  get kubeconfig(): string {
    return this.controlPlane.kubeconfig;
  }

  get server(): string {
    return this.controlPlane.server;
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.controlPlane.kubectl(args, input);
  }

  begin(): Promise<void> {
    this.starting = this.start();
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  stopSync(): void {
    removeSync(this.ledger.record);
  }

  leftovers(): string[] {
    return leftovers(this.id, this.ledger.record);
  }

  private async start(): Promise<void> {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    await this.wires.lay(this.plans);
    // Both to their end, also when one fails: nothing may be made any more once the removal begins.
    const [controlPlane, nodes] = await Promise.allSettled([this.startControlPlane(), this.bootNodes()]);
    for (const outcome of [controlPlane, nodes]) if (outcome.status === "rejected") throw outcome.reason;
    if (this.plans.length > 0) await this.admitNodes();
  }

  private async end(): Promise<void> {
    // A start under way fails once its processes are gone; what it made meanwhile goes in the second round.
    const settled = this.starting?.then(
      () => true,
      () => true,
    );
    const idle = await Promise.race([settled ?? true, Promise.resolve(false)]);
    if (!idle) await remove(this.ledger.record).catch(() => undefined);
    await settled;
    await this.running?.stop();
    await remove(this.ledger.record);
    release(this);
  }

  private async startControlPlane(): Promise<void> {
    this.running = await startControlPlane({
      parts: this.options.parts,
      dir: join(this.dir, "control-plane"),
      bind: API_SERVER_ADDRESS,
      netns: this.wires.namespace,
      controllers: true,
      users: [
        { name: KUBE_PROXY_USER },
        ...this.plans.map((n) => ({ name: kubeletUser(n), groups: ["system:nodes"] })),
      ],
      ledger: this.ledger,
    });
    if (this.plans.length > 0) {
      const list = { apiVersion: "v1", kind: "List", items: this.plans.map(nodeObject) };
      await this.kubectl(["create", "-f", "-"], JSON.stringify(list));
    }
    this.options.report?.("control plane is ready");
  }

  private async bootNodes(): Promise<void> {
    const { layout, ledger, options, plans } = this;
    if (!layout || plans.length === 0) return;
    makeLabCgroups(layout, this.id, (enabledControllers) => ledger.note(() => ({ enabledControllers })));
    const containerd = {
      major: containerdMajor(await must(["containerd", "--version"])),
      cniFolder: findCniPlugins(),
    };
    this.nodes = plans.map(
      (plan) =>
        new RunningNode({
          id: this.id,
          plan,
          all: plans,
          segment: this.wires,
          layout,
          ledger,
          dir: join(this.dir, plan.name),
          kubelet: options.parts.kubelet,
          kubeProxy: options.parts.kubeProxy,
          containerd,
          containerdRoot: options.containerdRoot ?? "",
          pauseImage: options.pauseImage,
          cni: options.cni ?? "ptp",
          masquerade: options.masquerade ?? true,
          untilReady: (node, since) => this.untilReady(node, since),
        }),
    );
    const outcomes = await Promise.allSettled(this.nodes.map((node) => node.prepare().then(() => node.boot())));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  private async admitNodes(): Promise<void> {
    const { controlPlane } = this;
    for (const node of this.nodes) {
      node.admit(controlPlane.kubeconfigOf(kubeletUser(node)), controlPlane.kubeconfigOf(KUBE_PROXY_USER));
    }
    await Promise.all(this.nodes.map((node) => this.untilReady(node, new Date(0))));
    // Pods cannot be made before their ServiceAccount is there.
    await this.kubectl(["wait", "--for=create", "--timeout=30s", "--namespace=default", "serviceaccount/default"]);
    this.options.report?.(`${this.nodes.length} nodes are ready`);
  }

  /** Ready says kubelet, and the node's Pods reach the API server by its Service. */
  private async untilReady(node: RunningNode, since: Date): Promise<void> {
    const waiting = { timeoutMs: 60_000, everyMs: 100, daemons: [node.daemon], logs: node.logs };
    const path = `{range .status.conditions[?(@.type=="Ready")]}{.status} {.lastHeartbeatTime}{end}`;
    await until(
      `${node.name} is Ready`,
      async () => {
        const [status, heartbeat] = (await this.kubectl(["get", "node", node.name, "-o", `jsonpath=${path}`])).split(
          " ",
        );
        return status === "True" && new Date(heartbeat ?? 0) >= since;
      },
      waiting,
    );
    await until(
      `${node.name} knows the Service ${API_SERVICE_ADDRESS}`,
      async () => {
        const { stdout } = await node.exec(["nft", "list", "map", "ip", "kube-proxy", "service-ips"]);
        return stdout.includes(API_SERVICE_ADDRESS);
      },
      { ...waiting, logs: [join(node.logFolder, "kube-proxy.log")] },
    );
  }
}

function findCniPlugins(): string {
  const folders = [...(process.env["CNI_PATH"]?.split(":") ?? []), "/usr/lib/cni", "/opt/cni/bin"];
  const found = folders.find((folder) => existsSync(join(folder, "host-local")));
  if (found !== undefined) return found;
  throw new Error(`CNI plugins: not in ${folders.join(", ")}; install containernetworking-plugins or set CNI_PATH`);
}

/** Installs the standard channel of the Gateway API and waits until its kinds are served. */
export async function installGatewayApi(
  lab: Pick<Lab, "kubectl">,
  parts: Pick<LabParts, "gatewayApiCrds">,
): Promise<void> {
  const standard = join(parts.gatewayApiCrds, "standard");
  const folder = existsSync(standard) ? standard : parts.gatewayApiCrds;
  await lab.kubectl(["apply", "--server-side", "--filename", folder]);
  const names = ["gatewayclasses", "gateways"].map((plural) => `crd/${plural}.gateway.networking.k8s.io`);
  await lab.kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
}
