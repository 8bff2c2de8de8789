// The machines: power, cables, the way to the API server, and what the control plane says of them.
import { RESOURCES, type Node } from "../../lib/model/kubernetes";
import type { SimNode } from "./node";
import { LATEST_MS } from "./sim-kube";
import type { World } from "./world";

/** When the control plane gives a silent node up; shorter than Kubernetes' 40 s, so that a schedule sees more. */
const NODE_LOST_MS = 8_000;
/** The longest that a watch is behind. */
const NEWS_MS = 1_000;
/** An agent that has run for so long has heard the others. */
const ACQUAINTED_MS = 2_000;
/** Whoever hears nobody for so long has long known it, and its kernel has been told. */
const CUT_OFF_MS = 1_500;

export class Machines {
  #unreadySince = new Map<string, number>();
  /** Nodes of which a controller may not know yet that they are Ready again. */
  readonly #readyAgain = new Map<string, number>();
  readonly #cameBack = new Set<string>();

  constructor(private readonly world: World) {}

  /** What may be known of a node by whoever is not behind for longer than is normal. */
  health(name: string): { readonly exists: boolean; readonly readyNow: boolean; readonly unreadySince?: number } {
    // Whoever has seen that it was removed need not have seen yet that it came back; and it remembers nothing.
    const exists = this.world.server.get(RESOURCES.nodes, { name }) !== undefined && !this.#cameBack.has(name);
    const lostAt = this.world.processes.lostAt.get(name);
    const unreadySince = this.#unreadySince.get(name) ?? this.#readyAgain.get(name) ?? lostAt;
    return { exists, readyNow: exists && unreadySince === undefined, unreadySince };
  }

  /** Its Pods run on, and so does the agent. */
  setKubelet(node: SimNode, runs: boolean): void {
    node.kubelet = runs;
    this.#nodeHealth(node);
  }

  /** As after a crash or an upgrade: its Pods have run on. */
  startKubelet(node: SimNode, calls: "all" | "those of a node that was missed"): void {
    this.setKubelet(node, true);
    const missed = this.#unreadySince.has(node.name);
    if (node.kubeletWorks && (missed || calls === "all")) this.world.pods.unask(node, { missed, all: false });
  }

  setLinked(node: SimNode, linked: boolean): void {
    node.linked = linked;
    const agent = this.world.processes.agents.get(node);
    if (agent !== undefined) agent.kube.connected = linked;
    this.#nodeHealth(node);
    this.alone(node);
    this.world.hearts.look();
  }

  /** @param carrier whether the node can see that nothing reaches it */
  setCabled(node: SimNode, cabled: boolean, carrier = cabled): void {
    node.cabled = cabled;
    node.carrier = cabled || carrier;
    this.world.disturb();
    this.alone(node);
    this.world.hearts.look();
  }

  /** To be called whenever something changes in what a node hears, and when its agent is not well. */
  alone(node: SimNode, well = true): void {
    const { aloneSince } = node;
    const now = this.world.clock.now();
    const fine =
      well && this.world.processes.agents.has(node) && (node.agentFineSince ?? Infinity) < now - ACQUAINTED_MS;
    const alone = !node.onSegment && (!node.linked || !node.carrier);
    if (!well) node.outlawed.clear();
    node.aloneSince = fine && alone ? (aloneSince ?? now) : undefined;
    // Most others must be there, or nobody could take anything away.
    if (fine && node.onSegment && aloneSince !== undefined && now - aloneSince > CUT_OFF_MS)
      this.world.checks.nodes.onHealed(node);
  }

  powerOff(node: SimNode): void {
    if (!node.powered) return;
    this.world.disturb();
    this.world.processes.killAgent(node);
    node.lose();
    this.world.checks.nodes.forget(node);
    this.#nodeHealth(node);
    this.world.hearts.look();
  }

  powerOn(node: SimNode): void {
    if (node.powered) return;
    node.powered = true;
    this.world.disturb();
    this.world.after(this.world.random.between(300, 2_000), () => this.world.processes.startAgent(node));
    this.#nodeHealth(node);
  }

  #nodeHealth(node: SimNode): void {
    const fine = node.kubeletWorks;
    this.world.after(fine ? 500 : NODE_LOST_MS, () => {
      if (node.kubeletWorks !== fine) return;
      this.#setNodeReady(node, fine);
      if (fine) this.world.pods.kubeletSoon(node);
    });
  }

  #setNodeReady(node: SimNode, ready: boolean): void {
    const object = this.world.server.get<Node>(RESOURCES.nodes, { name: node.name });
    if (object === undefined || this.#unreadySince.has(node.name) === !ready) return;
    if (ready) {
      this.#unreadySince.delete(node.name);
      this.#readyAgain.set(node.name, this.world.clock.now());
      this.world.after(NEWS_MS, () => this.#readyAgain.delete(node.name));
    } else this.#unreadySince.set(node.name, this.world.clock.now());
    const conditions = [this.#saidOf(ready ? "True" : "Unknown")];
    this.world.server.put(RESOURCES.nodes, { ...object, status: { ...object.status, conditions } } as Node);
    if (!ready) for (const pod of this.world.pods.on(node)) this.world.pods.takeReady(pod);
  }

  /** A cluster autoscaler takes a node away, with every Pod of it; or its machine comes back under its name. */
  setRegistered(node: SimNode, registered: boolean): void {
    this.world.edited();
    if (registered) {
      if (this.world.server.get(RESOURCES.nodes, { name: node.name }) !== undefined) return;
      this.register(node);
      this.#cameBack.add(node.name);
      return this.world.after(LATEST_MS, () => this.#cameBack.delete(node.name));
    }
    this.world.server.remove(RESOURCES.nodes, { name: node.name });
    for (const pod of this.world.pods.on(node)) this.world.pods.delete(pod, true);
    this.#unreadySince.delete(node.name);
  }

  register({ name, ip, index }: SimNode): void {
    this.world.server.put(RESOURCES.nodes, {
      metadata: { name },
      spec: {
        podCIDRs: [`10.244.${index}.0/24`],
        ...(this.world.cloud && { providerID: `gce://demo/us-central1-a/${name}` }),
      },
      status: { addresses: [{ type: "InternalIP", address: ip }], conditions: [this.#saidOf("True")] },
    } as Node);
  }

  /** Kubernetes writes whole seconds. */
  #saidOf(status: string): object {
    const lastTransitionTime = new Date(this.world.clock.wallTime()).toISOString().replace(/\.\d+/, "");
    return { type: "Ready", status, lastTransitionTime };
  }

  setCordoned(node: SimNode, cordoned: boolean): void {
    const object = this.world.server.get<Node>(RESOURCES.nodes, { name: node.name });
    if (object === undefined) return;
    this.world.edited();
    const { unschedulable: _before, ...spec } = object.spec ?? {};
    this.world.server.put(RESOURCES.nodes, {
      ...object,
      spec: { ...spec, ...(cordoned && { unschedulable: true }) },
    } as Node);
  }

  isCordoned(name: string): boolean {
    return this.world.server.get<Node>(RESOURCES.nodes, { name })?.spec?.unschedulable === true;
  }
}
