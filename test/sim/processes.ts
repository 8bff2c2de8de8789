// The shipped controller and agents as processes of the simulated cluster: started, killed, stopped and let go on.
import { runAgent } from "../../controller-image/src/agent/agent";
import { runController } from "../../controller-image/src/controller/controller";
import type { CloudAround } from "../../controller-image/src/fabric/cloud";
import { announcersOf } from "../../controller-image/src/fabric/announcers";
import { LeaseStore } from "./leases";
import type { SimNode } from "./node";
import { SimProcess } from "./process";
import { SimKernel } from "./sim-kernel";
import { LATEST_MS, SimKube } from "./sim-kube";
import type { World } from "./world";

export const PODPIN = "podpin-system";

export interface Running {
  readonly process: SimProcess;
  readonly kube: SimKube;
  /** The controller's second connection. */
  readonly leases?: SimKube;
  readonly isLeading?: () => boolean;
  /** Asks it to end, as Kubernetes does before it kills. */
  readonly stop?: () => Promise<void>;
}

export function connect({ kube, leases }: Running, connected: boolean): void {
  kube.connected = connected;
  if (leases !== undefined) leases.connected = connected;
}

export class Processes {
  readonly agents = new Map<SimNode, Running & { readonly kernel: SimKernel }>();
  readonly controllers: (Running | undefined)[] = [];
  /** By node: when a controller has taken it for lost; it may not know yet that it was heard again. */
  readonly lostAt = new Map<string, number>();
  readonly #leases = new LeaseStore();
  #count = 0;

  constructor(private readonly world: World) {}

  #process(name: string): SimProcess {
    const skew = this.world.random.chance(0.3) ? this.world.random.between(-3_600_000, 3_600_000) : 0;
    return new SimProcess(`${name}#${++this.#count}`, this.world.clock, skew);
  }

  #kube(process: SimProcess): SimKube {
    const { server, clock, random } = this.world;
    return new SimKube({
      server,
      leases: this.#leases,
      process,
      clock,
      random,
      watchDelayMs: this.world.random.chance(0.2) ? 400 : 20,
      as: (author, act) => this.world.as(author, act),
      onLate: () => this.world.late.add(process.name.replace(/^agent-|#.*/g, "")),
      onTrouble: (error) => {
        this.world.say(() => `${process.name}: a callback threw: ${String(error)}`);
        this.world.checks.fail(6, `${process.name}: a callback threw: ${String(error)}`);
      },
    });
  }

  startController(slot: number): void {
    if (this.controllers[slot] !== undefined) return;
    const process = this.#process("controller");
    const kube = this.#kube(process);
    const leases = this.#kube(process);
    const options = {
      kube,
      leases,
      podName: `podpin-controller-${slot}`,
      identity: process.name,
      clock: process.clock,
      log: (level: string, message: string, fields?: object): void => this.#log(process, level, message, fields),
      namespace: PODPIN,
      clusterCidrs: ["10.96.0.0/16"],
      definitions: [],
    };
    const { cloud } = this.world;
    const { setLost, listen, isLeading, stop } = runController({
      ...options,
      ...(cloud && { cloud: (around: CloudAround) => cloud.fabric(process, around) }),
    });
    this.controllers[slot] = { process, kube, leases, isLeading, stop };
    const listener = { process, setLost };
    this.world.hearts.listen(listener);
    listen((name) => this.world.hearts.hears(listener, name));
  }

  /** As in a rollout that has no second replica: the old one ends in order, the new one starts at once. */
  replaceController(slot: number): void {
    const { process, stop } = this.controllers[slot] ?? {};
    if (process === undefined || process.paused) return;
    process.run(() => void stop?.());
    this.world.after(this.world.random.between(50, 500), () => {
      if (this.controllers[slot]?.process !== process) return;
      this.killController(slot);
      this.startController(slot);
    });
  }

  /** Whoever starts while a kubelet is back knows since when by its own clock alone. */
  areOnTime(): boolean {
    const now = this.world.clock.wallTime();
    return this.controllers.every((one) => one === undefined || one.process.clock.wallTime() <= now);
  }

  /** Whoever leads does not know it yet: until it renews, two may lead. */
  giveUpLease(): void {
    this.#leases.giveUp();
  }

  /** Whether another process has the Lease. */
  isSucceeded({ name }: SimProcess): boolean {
    return this.#leases.holder !== "" && this.#leases.holder !== name;
  }

  killController(slot: number): void {
    this.#kill(this.controllers[slot]);
    this.controllers[slot] = undefined;
    this.world.hearts.look();
  }

  pause({ process }: Running): void {
    process.pause();
    this.world.hearts.look();
  }

  resume({ process }: Running): void {
    process.resume();
    this.world.hearts.look();
  }

  /** A verdict is the controller's own: what it has sent while it held may arrive later. */
  judged(node: SimNode, lost: boolean): void {
    this.world.say(() => `${node.name} is ${lost ? "lost" : "heard again"}`);
    this.world.disturb();
    if (lost) this.lostAt.set(node.name, this.world.clock.now());
    else {
      const at = this.lostAt.get(node.name);
      this.world.after(LATEST_MS, () => {
        if (this.lostAt.get(node.name) === at) this.lostAt.delete(node.name);
      });
    }
  }

  startAgent(node: SimNode): void {
    if (this.agents.has(node) || !node.powered) return;
    const process = this.#process(`agent-${node.name}`);
    const kube = this.#kube(process);
    kube.connected = node.linked;
    const { clock } = process;
    const log = (level: string, message: string, fields?: object): void => this.#log(process, level, message, fields);
    const kernel = new SimKernel({
      node,
      process,
      random: this.world.random,
      onStep: (step) => {
        // Whether it may is the business of invariant 2.
        if (this.world.checks.nodes.onStep(step) === "lets go") this.world.disturb();
        this.world.touch();
      },
      onLine: (at, line) => {
        this.world.say(() => `${at.name} kernel: ${line}`);
        this.world.checks.nodes.onLine(at, line);
      },
      onTeardown: (at) => this.world.checks.nodes.onTeardown(at),
    });
    const commands = this.world.segment.commandsOf(node, (address) => {
      this.world.touch();
      this.world.say(() => `${node.name} announces ${address}`);
      this.world.checks.nodes.onAnnouncement(node, address);
    });
    runAgent({
      kube,
      kernel,
      announcers: announcersOf({ uplink: "eth0", commands, clock, log }),
      clock,
      log,
      nodeName: node.name,
      nodeIp: node.ip,
      uplink: "eth0",
      namespace: PODPIN,
      isolation: this.world.hearts.isolationOf(node, process),
      onPass: (_plan, { failed }) => {
        if (kernel.refuseRate > 0 || failed.size > 0) return;
        node.passSawAt = kernel.lookedAt;
        if (!process.paused) node.agentFineSince ??= clock.now();
      },
    });
    this.agents.set(node, { process, kube, kernel });
    this.world.hearts.look();
  }

  killAgent(node: SimNode): void {
    this.#kill(this.agents.get(node));
    this.agents.delete(node);
    node.agentFineSince = undefined;
    this.world.machines.alone(node, false);
    this.world.hearts.look();
  }

  #kill(running: Running | undefined): void {
    running?.process.kill();
    running?.kube.close();
    running?.leases?.close();
  }

  #log(process: SimProcess, level: string, message: string, fields: object | undefined): void {
    if (level === "debug") return;
    this.world.say(() => `${process.name} ${level}: ${message} ${JSON.stringify(fields, errorsToo)}`);
  }

  /** Ends every one. */
  killAll(): void {
    for (const slot of this.controllers.keys()) this.killController(slot);
    for (const node of this.world.nodes) this.killAgent(node);
  }
}

function errorsToo(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
