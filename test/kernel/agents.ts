// The shipped agent, with the real kernel of a node in the segment and an API server in memory. The test plays the
// controller.
import { runAgent, type Agent, type AgentOptions } from "../../controller-image/src/agent/agent";
import { type Kernel, linuxKernel } from "../../controller-image/src/agent/kernel";
import { isNoChange, type Plan } from "../../controller-image/src/agent/plan";
import { commands } from "../../controller-image/src/fabric/commands";
import { announcersOf } from "../../controller-image/src/fabric/announcers";
import { withSessions } from "../../controller-image/src/fabric/sessions";
import type { Log } from "../../controller-image/src/kube/api";
import { systemClock } from "../../controller-image/src/kube/clock";
import { ackOf, type AddressBinding, type AddressBindingSpec, type BindingAck } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { POD_NAMESPACES_FOLDER } from "../../lib/model/runtime";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { CLUSTER_CIDRS, NODE_IPS, type NodeName, type Segment, type TestPod, UPLINK } from "./segment";

/** The agent's container has no others, so neither have its programs here. */
const CAPABILITIES = "-all,+net_admin,+net_raw";
/** With delivery `interface`. */
const MORE_CAPABILITIES = `${CAPABILITIES},+sys_admin`;
const only = (capabilities: string): string[] => [
  "setpriv",
  `--bounding-set=${capabilities}`,
  `--inh-caps=${capabilities}`,
];

/** How an agent differs from the one that ships by default. */
export interface AgentVariant extends Partial<AgentOptions> {
  readonly interfaceDelivery?: boolean;
  readonly kernelOf?: (shipped: Kernel) => Kernel;
  /** How long a program may take. */
  readonly limitMs?: number;
}

export interface RunningAgent extends Agent {
  /** Its own way to the API server. */
  readonly kube: MemoryKube;
  /** Every pass, in order. */
  readonly passes: readonly Plan[];
  /** Passes that changed the kernel. */
  changes(): number;
}

export class Cluster {
  readonly server = new MemoryServer({ clock: systemClock });
  /** What the agents said, for the reader of a failure. */
  readonly said: string[] = [];
  readonly #agents = new Set<Agent>();

  constructor(private readonly segment: Segment) {
    this.server.create(RESOURCES.configMaps, {
      metadata: { namespace: "podpin-system", name: "podpin-cluster-ranges" },
      data: { cidrs: CLUSTER_CIDRS },
    } as never);
  }

  agent(node: NodeName, variant: AgentVariant = {}): RunningAgent {
    const { interfaceDelivery = false, kernelOf = (shipped) => shipped, limitMs, ...more } = variant;
    const log: Log = (level, message, fields) => {
      this.said.push(
        JSON.stringify({ node, level, message, ...fields }, (_key, value: unknown) =>
          value instanceof Error ? value.message : value,
        ),
      );
    };
    const rights = only(interfaceDelivery ? MORE_CAPABILITIES : CAPABILITIES);
    const here = withSessions(commands([...this.segment.prefix(node), ...rights], limitMs), limitMs);
    const parts = {
      uplink: more.uplink ?? UPLINK,
      commands: here,
      clock: systemClock,
      log,
    };
    const passes: Plan[] = [];
    const kube = new MemoryKube(this.server, { clock: systemClock });
    const agent = runAgent({
      kube,
      kernel: kernelOf(linuxKernel({ ...parts, namespaces: interfaceDelivery ? POD_NAMESPACES_FOLDER : undefined })),
      announcers: announcersOf(parts),
      clock: systemClock,
      log,
      nodeName: node,
      nodeIp: NODE_IPS[node],
      uplink: UPLINK,
      namespace: "podpin-system",
      onPass: (plan) => passes.push(plan),
      ...more,
    });
    const running: RunningAgent = {
      ...agent,
      kube,
      passes,
      changes: () => passes.filter(({ changes }) => !isNoChange(changes)).length,
      stop: async () => {
        this.#agents.delete(running);
        await agent.stop();
        here.close();
        kube.close();
      },
    };
    this.#agents.add(running);
    return running;
  }

  /** Writes the binding as the controller would: the spec, with the next version of the object. */
  bind(address: string, spec: Partial<AddressBindingSpec> & Pick<AddressBindingSpec, "epoch" | "nodeName">): void {
    const old = this.binding(address);
    const full: AddressBindingSpec = {
      address,
      route: { namespace: "default", name: "route", uid: "route-uid" },
      delivery: "nat",
      fabric: "l2",
      network: "default",
      ...spec,
    };
    const object = {
      apiVersion: "podpin.dev/v1alpha1",
      kind: "AddressBinding",
      metadata: { name: address },
      spec: full,
    };
    if (old === undefined) this.server.create<AddressBinding>(RESOURCES.addressBindings, object);
    else this.server.replace<AddressBinding>(RESOURCES.addressBindings, { ...old, spec: full });
  }

  give(address: string, pod: TestPod, epoch: number, more: Partial<AddressBindingSpec> = {}): void {
    const owner = { podName: pod.name, podUid: pod.uid, podIp: pod.ip };
    this.bind(address, { epoch, nodeName: pod.node, owner, ...more });
  }

  /** Nobody has the address any more; resolves when the node has let go, and deletes the binding. */
  async takeBack(address: string): Promise<void> {
    const { spec } = this.binding(address)!;
    const releasing = { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo: "", wait: false };
    this.bind(address, { epoch: spec.epoch + 1, nodeName: "", owner: undefined, releasing, delivery: spec.delivery });
    await this.acked(address, spec.nodeName as NodeName, { state: "Released" });
    await this.server.delete(RESOURCES.addressBindings, { name: address });
  }

  binding(address: string): AddressBinding | undefined {
    return this.server.get<AddressBinding>(RESOURCES.addressBindings, { name: address });
  }

  /** Resolves when the node's acknowledgement is like that; fails after 30 s with the one that there is. */
  async acked(address: string, node: NodeName, want: Partial<BindingAck>): Promise<BindingAck> {
    const present = (): BindingAck | undefined => {
      const binding = this.binding(address);
      return binding && ackOf(binding, node);
    };
    const fits = (ack: BindingAck | undefined): ack is BindingAck =>
      ack !== undefined && Object.entries(want).every(([key, value]) => ack[key as keyof BindingAck] === value);
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        unsubscribe();
        clearTimeout(timer);
      };
      const look = (): void => {
        const ack = present();
        if (!fits(ack)) return;
        finish();
        resolve(ack);
      };
      const timer = setTimeout(() => {
        finish();
        const text = `${address} on ${node}: want ${JSON.stringify(want)}, have ${JSON.stringify(present())}`;
        reject(new Error(`${text}\n${this.said.slice(-20).join("\n")}`));
      }, 30_000);
      const unsubscribe = this.server.onCommit(look);
      look();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents].map((agent) => agent.stop()));
  }
}
