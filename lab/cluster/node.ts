// One node: a network namespace with a cable to the segment, a cgroup subtree, a disk, and a PID 1 that runs containerd,
// kubelet and kube-proxy.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { cloneContainerdRoot } from "../images/containerd-root";
import { type CgroupLayout, makeNodeCgroups, pidsIn, removeCgroup } from "./cgroup";
import { type LabHost, NamespaceHost } from "./host";
import type { Ledger } from "./ledger";
import { type CniPlugin, cniConfig, containerdConfig, kubeProxyConfig, kubeletConfig } from "./node-files";
import type { NodePlan } from "./plan";
import { commandLineOf, identify, readOr } from "./proc";
import { Daemon, type Finished, type RunOptions, run, until } from "./process";
import type { Segment } from "./segment";

export interface LabNode extends LabHost {
  /** Of the Kubernetes Node. */
  readonly name: string;
  readonly podCidr: string;
  readonly on: boolean;
  /** Where its services log: containerd.log, kubelet.log, kube-proxy.log, init.log. */
  readonly logFolder: string;
  /** Runs a command in all of the node's namespaces, so that it sees the node's own files and processes. */
  execInside(command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The plug is pulled: not one more packet, and everything on the node is gone but its disk. */
  powerOff(): Promise<void>;
  /** Starts it with the same disk; done when its Node is Ready by a report of the new kubelet. */
  powerOn(): Promise<void>;
  /** The switch drops every frame of the node, whose link stays up. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** A kubelet that has ended is started again a second later; its Pods run on meanwhile. */
  signalKubelet(signal: NodeJS.Signals): void;
}

export interface NodeOptions {
  readonly id: string;
  readonly plan: NodePlan;
  readonly all: readonly NodePlan[];
  readonly segment: Segment;
  readonly layout: CgroupLayout;
  readonly ledger: Ledger;
  /** Its folder: disk, logs, configuration. */
  readonly dir: string;
  readonly kubelet: string;
  readonly kubeProxy: string;
  readonly containerd: { readonly major: number; readonly cniFolder: string };
  readonly containerdRoot: string;
  readonly pauseImage: string;
  readonly cni: CniPlugin;
  readonly masquerade: boolean;
  /** Waits until the Node is Ready by a report not older than this. */
  readonly untilReady: (node: RunningNode, since: Date) => Promise<void>;
}

const INIT = join(__dirname, "node-init.sh");

export class RunningNode extends NamespaceHost implements LabNode {
  readonly name: string;
  readonly podCidr: string;
  readonly logFolder: string;
  private init: Daemon | undefined;
  private cgroups: readonly string[] = [];

  constructor(private readonly options: NodeOptions) {
    super(options.segment.nodeNamespace(options.plan), options.plan.address);
    this.name = options.plan.name;
    this.podCidr = options.plan.podCidr;
    this.logFolder = join(options.dir, "log");
  }

  get on(): boolean {
    return this.init !== undefined && this.init.ended === undefined;
  }

  /** The process whose end is the node's end; for those who wait for the node. */
  get daemon(): Daemon {
    if (!this.init) throw new Error(`${this.name} is off; use powerOn()`);
    return this.init;
  }

  get logs(): string[] {
    return ["containerd", "kubelet"].map((name) => join(this.logFolder, `${name}.log`));
  }

  /** Makes its disk and its files; the kubeconfigs come with {@link admit}. */
  async prepare(): Promise<void> {
    const { dir, containerd, pauseImage, plan, cni } = this.options;
    mkdirSync(join(dir, "disk"), { recursive: true, mode: 0o755 });
    mkdirSync(this.logFolder, { recursive: true });
    await cloneContainerdRoot(this.options.containerdRoot, join(dir, "disk", "containerd"));
    this.write("containerd.toml", containerdConfig({ ...containerd, pauseImage }));
    this.write("kubelet.json", JSON.stringify(kubeletConfig(), null, 2));
    this.write("kube-proxy-config.json", JSON.stringify(kubeProxyConfig(plan), null, 2));
    this.write("10-lab.conflist", JSON.stringify(cniConfig(plan, cni), null, 2));
  }

  /** Tells a started node that there is an API server, and how to reach it. */
  admit(kubeletUser: string, kubeProxyUser: string): void {
    copyFileSync(kubeletUser, join(this.options.dir, "kubelet-user.json"));
    copyFileSync(kubeProxyUser, join(this.options.dir, "kube-proxy.json"));
    this.write("go", "");
  }

  async boot(): Promise<void> {
    const { segment, plan, all, layout, id, dir, ledger } = this.options;
    await segment.plugNode(plan, all, this.options.masquerade);
    this.cgroups = makeNodeCgroups(layout, id, plan.name);
    const hierarchies = layout.version === 1 ? layout.hierarchies.map((h) => h.options).filter(Boolean) : [];
    this.init = new Daemon({
      name: this.name,
      command: [INIT, "start"],
      logFile: join(this.logFolder, "init.log"),
      env: {
        PATH: process.env["PATH"],
        NODE_FOLDER: dir,
        NODE_NAME: plan.name,
        NODE_ADDRESS: plan.address,
        NODE_NETNS: this.namespace,
        NODE_CGROUPS: this.cgroups.join(" "),
        CGROUP_VERSION: String(layout.version),
        CGROUP_HIERARCHIES: hierarchies.join(" "),
        KUBELET: this.options.kubelet,
        KUBE_PROXY: this.options.kubeProxy,
      },
    });
    const identity = this.init.pid === undefined ? undefined : identify(this.init.pid);
    if (identity) ledger.note((record) => ({ processes: [...record.processes, identity] }));
  }

  async execInside(command: readonly string[], options?: RunOptions): Promise<Finished> {
    const outer = this.daemon.pid ?? 0;
    const pid = readOr(`/proc/${outer}/task/${outer}/children`, "").trim();
    if (pid === "") throw new Error(`${this.name} is not up yet`);
    return run(["nsenter", `--target=${pid}`, "--all", "--", ...command], options);
  }

  async powerOff(): Promise<void> {
    const { segment, plan } = this.options;
    // The cable first: while its processes die, the namespace's kernel would go on answering.
    await segment.unplugNode(plan);
    await this.daemon.kill();
    const gone = async (): Promise<boolean> => this.cgroups.every((folder) => pidsIn(folder).length === 0);
    await until(`${this.name}: its processes end`, gone, { timeoutMs: 10_000, everyMs: 10 });
    // A kubelet that starts among old cgroups stalls for seconds.
    const removed = async (): Promise<boolean> => this.cgroups.map(removeCgroup).every(Boolean);
    await until(`${this.name}: its cgroups are removed`, removed, { timeoutMs: 10_000, everyMs: 10 });
    await segment.dropNode(plan);
  }

  async powerOn(): Promise<void> {
    if (this.on) throw new Error(`${this.name} is on`);
    // The API server's times have whole seconds.
    const since = new Date(Math.floor(Date.now() / 1000) * 1000);
    await this.boot();
    await this.options.untilReady(this, since);
  }

  cut(): Promise<void> {
    return this.options.segment.setForwarding(this.options.plan, false);
  }

  heal(): Promise<void> {
    return this.options.segment.setForwarding(this.options.plan, true);
  }

  signalKubelet(signal: NodeJS.Signals): void {
    const pids = new Set(this.cgroups.flatMap(pidsIn));
    const kubelets = [...pids].filter((pid) => commandLineOf(pid).startsWith(`${this.options.kubelet} `));
    if (kubelets.length === 0) throw new Error(`${this.name} runs no kubelet`);
    for (const pid of kubelets) process.kill(pid, signal);
  }

  private write(name: string, text: string): void {
    writeFileSync(join(this.options.dir, name), text, { mode: 0o600 });
  }
}
