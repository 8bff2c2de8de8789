// etcd, kube-apiserver and, where wanted, kube-controller-manager and kube-scheduler. Part of a lab, or alone on loopback
// for tests that need no more than an API server.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Guarded, guard, release } from "./guard";
import { Ledger, newRecord } from "./ledger";
import { API_SERVER_PORT, SERVICE_RANGE, newLabId, tagOf } from "./plan";
import { identify } from "./proc";
import { Daemon, type RunOptions, inNamespace, must, run, until } from "./process";
import { remove, removeSync, sweep } from "./removal";

export interface ControlPlaneParts {
  readonly kubeApiserver: string;
  readonly etcd: string;
  readonly kubeControllerManager: string;
  readonly kubeScheduler: string;
  readonly kubectl: string;
}

/** Somebody who may call the API server, beside `admin`. */
export interface User {
  readonly name: string;
  readonly groups?: readonly string[];
}

export interface ControlPlaneOptions {
  readonly parts: ControlPlaneParts;
  /** Folder for everything that it writes. @default - a temporary folder, removed by `stop` */
  readonly dir?: string;
  /** Address of the API server, such as 127.0.0.1. */
  readonly bind: string;
  /** Named network namespace to run in; its ports are then the usual ones. @default - this process's own, with free ports */
  readonly netns?: string;
  /** Also run kube-controller-manager and kube-scheduler. @default false */
  readonly controllers?: boolean;
  readonly users?: readonly User[];
  /** Where to note what is started. @default - a record of its own */
  readonly ledger?: Ledger;
}

export interface ControlPlane {
  /** Of the lab that it belongs to, or its own. */
  readonly id: string;
  /** Of the administrator, mode 0600, complete in itself. */
  readonly kubeconfig: string;
  readonly server: string;
  /** The administrator's. */
  readonly token: string;
  /** PEM. */
  readonly ca: string;
  /** Has to succeed. */
  kubectl(args: readonly string[], input?: string, options?: RunOptions): Promise<string>;
  /** Path of a kubeconfig for one of `users`. */
  kubeconfigOf(user: string): string;
  /** Kills the API server and starts it again, at the same address. */
  restartApiServer(): Promise<void>;
  /** Kills the API server, and starts it again when `run` has ended. */
  whileDown(run: () => Promise<void>): Promise<void>;
  /** Leaves it with open connections that answer nothing, until {@link resumeApiServer}. */
  pauseApiServer(): void;
  resumeApiServer(): void;
  /**
   * Makes etcd forget every revision but the last, whose number it gives. The API server goes on serving what it has in
   * memory; after {@link restartApiServer} it answers older resource versions with 410.
   */
  compact(): Promise<number>;
  /** Keeps the cluster's state of now, for {@link restore}. etcd is away for a moment. */
  backup(): Promise<void>;
  /** Takes the cluster back to the last {@link backup}, as after a disaster: nothing that was written since has ever been. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

const SYSTEM_USERS: readonly User[] = [
  { name: "admin", groups: ["system:masters"] },
  { name: "system:kube-controller-manager" },
  { name: "system:kube-scheduler" },
];

const READY_TIMEOUT_MS = 60_000;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const controlPlane = options.ledger ? new RunningControlPlane(options, options.ledger) : await alone(options);
  try {
    await controlPlane.start();
    return controlPlane;
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

async function alone(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  await sweep();
  const id = newLabId();
  const own = options.dir === undefined ? mkdtempSync(join(tmpdir(), `${tagOf(id)}-`)) : undefined;
  const ledger = new Ledger(newRecord(id, { folders: own === undefined ? [] : [own] }));
  return new RunningControlPlane({ ...options, dir: own ?? options.dir }, ledger, true);
}

class RunningControlPlane implements ControlPlane, Guarded {
  readonly kubeconfig: string;
  server = "";
  readonly token: string;
  ca = "";

  private readonly dir: string;
  private readonly tokens: ReadonlyMap<string, string>;
  private ports = { client: 2379, peer: 2380, api: API_SERVER_PORT };
  private readonly daemons: Daemon[] = [];
  private etcd: Daemon | undefined;
  private apiServer: Daemon | undefined;

  constructor(
    private readonly options: ControlPlaneOptions,
    private readonly ledger: Ledger,
    private readonly ownsLedger = false,
  ) {
    if (options.dir === undefined) throw new Error("dir: got nothing; a control plane with a ledger needs a folder");
    this.dir = options.dir;
    this.kubeconfig = this.kubeconfigOf("admin");
    const users = [...SYSTEM_USERS, ...(options.users ?? [])];
    this.tokens = new Map(users.map((user) => [user.name, randomBytes(24).toString("base64url")]));
    this.token = this.tokens.get("admin") ?? "";
    for (const folder of ["certs", "log", "kubeconfig"]) {
      mkdirSync(join(this.dir, folder), { recursive: true, mode: 0o700 });
    }
    this.secret("tokens.csv", users.map((user, i) => csv(this.tokens.get(user.name), user, i)).join(""));
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.secret("sa.key", privateKey.export({ type: "sec1", format: "pem" }).toString());
    this.secret("sa.pub", publicKey.export({ type: "spki", format: "pem" }).toString());
    if (ownsLedger) guard(this);
  }

  get id(): string {
    return this.ledger.record.id;
  }

  async start(): Promise<void> {
    if (this.options.netns === undefined) this.ports = await freePorts();
    this.server = `https://${this.options.bind}:${this.ports.api}`;
    this.startEtcd();
    this.startApiServer();

    // The API server signs its own certificate first of all; whoever trusts it can be started at once.
    const certificate = join(this.dir, "certs", "apiserver.crt");
    await this.wait("the API server's certificate", async () => existsSync(certificate.replace(/crt$/, "key")));
    this.ca = readFileSync(certificate, "utf8");
    for (const user of this.tokens.keys()) this.writeKubeconfig(user);
    if (this.options.controllers) this.startControllers(certificate);
    await this.waitForApiServer();
  }

  kubeconfigOf(user: string): string {
    return join(this.dir, "kubeconfig", `${user.replaceAll(":", "-")}.json`);
  }

  kubectl(args: readonly string[], input?: string, options: RunOptions = {}): Promise<string> {
    return must(this.kubectlCommand(args), { timeoutMs: 120_000, ...options, input });
  }

  restartApiServer(): Promise<void> {
    return this.whileDown(async () => undefined);
  }

  async whileDown(run: () => Promise<void>): Promise<void> {
    await this.apiServer?.kill();
    try {
      await run();
    } finally {
      this.startApiServer();
      await this.waitForApiServer();
    }
  }

  pauseApiServer(): void {
    this.apiServer?.signal("SIGSTOP");
  }

  resumeApiServer(): void {
    this.apiServer?.signal("SIGCONT");
  }

  async compact(): Promise<number> {
    // etcd speaks JSON as well; a process of its own, because etcd may be in another network namespace.
    const program = `const post = async (path, body) => {
      const answer = await fetch("http://127.0.0.1:${this.ports.client}/v3/kv/" + path, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(path + ": " + answer.status + " " + (await answer.text()));
      return answer.json();
    };
    post("range", { key: "AA==" }).then(async ({ header: { revision } }) => {
      await post("compaction", { revision, physical: true });
      console.log(revision);
    });`;
    const command = inNamespace(this.options.netns, [process.execPath, "-e", program]);
    return Number((await must(command)).trim());
  }

  async backup(): Promise<void> {
    await this.etcd?.kill();
    cpSync(join(this.dir, "etcd"), join(this.dir, "etcd-backup"), { recursive: true });
    this.startEtcd();
    await this.waitForApiServer();
  }

  restore(): Promise<void> {
    return this.whileDown(async () => {
      await this.etcd?.kill();
      rmSync(join(this.dir, "etcd"), { recursive: true });
      cpSync(join(this.dir, "etcd-backup"), join(this.dir, "etcd"), { recursive: true });
      this.startEtcd();
    });
  }

  async stop(): Promise<void> {
    release(this);
    await Promise.all(this.running.map((daemon) => daemon.kill()));
    if (this.ownsLedger) await remove(this.ledger.record);
  }

  stopSync(): void {
    removeSync(this.ledger.record);
  }

  private startEtcd(): void {
    const client = `http://127.0.0.1:${this.ports.client}`;
    this.etcd = this.daemon("etcd", [
      this.options.parts.etcd,
      `--data-dir=${join(this.dir, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=http://127.0.0.1:${this.ports.peer}`,
      "--unsafe-no-fsync",
      "--log-level=warn",
    ]);
  }

  private startApiServer(): void {
    const { bind, parts, netns } = this.options;
    this.apiServer = this.daemon("kube-apiserver", [
      parts.kubeApiserver,
      `--etcd-servers=http://127.0.0.1:${this.ports.client}`,
      `--secure-port=${this.ports.api}`,
      `--bind-address=${bind}`,
      `--advertise-address=${bind}`,
      `--cert-dir=${join(this.dir, "certs")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${join(this.dir, "sa.pub")}`,
      `--service-account-signing-key-file=${join(this.dir, "sa.key")}`,
      `--token-auth-file=${join(this.dir, "tokens.csv")}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
      "--allow-privileged=true",
      "--kubelet-preferred-address-types=InternalIP",
      // A loopback address is no endpoint that Pods could use; Kubernetes refuses it.
      ...(netns === undefined ? ["--endpoint-reconciler-type=none"] : []),
    ]);
  }

  private startControllers(ca: string): void {
    const { parts } = this.options;
    this.daemons.push(
      this.daemon("kube-controller-manager", [
        parts.kubeControllerManager,
        `--kubeconfig=${this.kubeconfigOf("system:kube-controller-manager")}`,
        `--service-account-private-key-file=${join(this.dir, "sa.key")}`,
        // Without it Pods lack the ConfigMap kube-root-ca.crt and never start.
        `--root-ca-file=${ca}`,
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        "--controllers=*,-nodeipam,-cloud-node-lifecycle",
        // The defaults (50 s and 5 s) would make each test of a dead node a minute long.
        "--node-monitor-grace-period=12s",
        "--node-monitor-period=2s",
        // It makes this folder, by default in /usr.
        `--flex-volume-plugin-dir=${join(this.dir, "volume-plugins")}`,
        "--kube-api-qps=200",
        "--kube-api-burst=400",
      ]),
      this.daemon("kube-scheduler", [
        parts.kubeScheduler,
        `--kubeconfig=${this.kubeconfigOf("system:kube-scheduler")}`,
        "--leader-elect=false",
        "--secure-port=0",
      ]),
    );
  }

  private async waitForApiServer(): Promise<void> {
    await this.wait("the API server", async () => {
      const { code } = await run(this.kubectlCommand(["get", "--raw", "/readyz"]), { timeoutMs: 5_000 });
      return code === 0;
    });
  }

  private wait(what: string, check: () => Promise<boolean>): Promise<boolean> {
    return until(what, check, { timeoutMs: READY_TIMEOUT_MS, daemons: this.running });
  }

  private get running(): Daemon[] {
    return [this.etcd, this.apiServer, ...this.daemons].filter((daemon) => daemon !== undefined);
  }

  private kubectlCommand(args: readonly string[]): string[] {
    return inNamespace(this.options.netns, [this.options.parts.kubectl, ...this.kubectlFlags(), ...args]);
  }

  // Without a folder of its own kubectl would leave its cache in the user's home.
  private kubectlFlags(): string[] {
    return [`--kubeconfig=${this.kubeconfig}`, `--cache-dir=${join(this.dir, "kubectl-cache")}`];
  }

  private daemon(name: string, command: readonly string[]): Daemon {
    const daemon = new Daemon({
      name,
      command,
      logFile: join(this.dir, "log", `${name}.log`),
      namespace: this.options.netns,
    });
    const identity = daemon.pid === undefined ? undefined : identify(daemon.pid);
    if (identity) this.ledger.note((record) => ({ processes: [...record.processes, identity] }));
    return daemon;
  }

  private writeKubeconfig(user: string): void {
    const cluster = { server: this.server, "certificate-authority-data": Buffer.from(this.ca).toString("base64") };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "lab", cluster }],
      users: [{ name: user, user: { token: this.tokens.get(user) } }],
      contexts: [{ name: "lab", context: { cluster: "lab", user } }],
      "current-context": "lab",
    };
    this.secret(this.kubeconfigOf(user), JSON.stringify(config, null, 2));
  }

  private secret(path: string, text: string): void {
    writeFileSync(path.startsWith("/") ? path : join(this.dir, path), text, { mode: 0o600 });
  }
}

/** One line of a token file: token, user, uid and the groups in quotes. */
export function csv(token: string | undefined, user: User, index: number): string {
  const groups = user.groups?.length ? `,"${user.groups.join(",")}"` : "";
  return `${token},${user.name},${index + 1}${groups}\n`;
}

/** Three ports that are free now. Held together while they are chosen, so that they differ. */
async function freePorts(): Promise<{ client: number; peer: number; api: number }> {
  const servers = await Promise.all(
    Array.from({ length: 3 }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve, reject) => {
        server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
      });
    }),
  );
  const [client, peer, api] = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { client: client ?? 0, peer: peer ?? 0, api: api ?? 0 };
}
