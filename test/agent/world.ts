// One node with one Pod, an API server with the cluster's ranges, and agents that come and go, in virtual time.
import { type AgentOptions, runAgent } from "../../controller-image/src/agent/agent";
import type { Plan } from "../../controller-image/src/agent/plan";
import type { Announcer, Announcers, Uplink } from "../../controller-image/src/fabric/fabric";
import {
  ackOf,
  type AddressBinding,
  AnnouncerKind,
  type BindingAck,
  CLUSTER_RANGES_CONFIG_MAP,
} from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { type Delivery, MemoryKube, MemoryServer } from "../support/memory-kube";
import { settle, VirtualClock } from "../support/virtual-clock";
import { binding, ME, MY_IP, OTHER, OTHER_IP } from "./bindings";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "./memory-kernel";

export const A = "198.51.100.7";
export const B = "198.51.100.8";
export const POD = "10.244.1.11";

export class Recorder implements Announcer {
  readonly said: string[] = [];
  fail: string | undefined;

  getReady(): void {
    this.said.push("ready");
  }

  announce(address: string, uplink: Uplink | undefined): Promise<void> {
    if (this.fail !== undefined) return Promise.reject(new Error(this.fail));
    this.said.push(`${address} at ${uplink?.mac}`);
    return Promise.resolve();
  }

  silence(address: string): void {
    this.said.push(`${address} no more`);
  }

  close(): void {
    this.said.push("closed");
  }
}

/** The one that the fabric of most bindings here has. */
export const forArp = (announcer: Announcer): Announcers => ({ [AnnouncerKind.Arp]: announcer });

interface Variant {
  readonly delivery?: Delivery;
  /** The API server does not know which node is whose standby. */
  readonly isBlind?: boolean;
}

/** As with a definition of AddressBinding that is older than the field: a list by it is refused, again and again. */
function withoutStandbys(kube: MemoryKube): void {
  const reflect = kube.reflect.bind(kube);
  kube.reflect = (options) =>
    options.fieldSelector?.startsWith("spec.standby.") === true
      ? {
          synced: false,
          lastError: "field label not supported",
          get: () => undefined,
          values: () => [].values(),
          stop: () => undefined,
        }
      : reflect(options);
}

export class World {
  readonly clock = new VirtualClock();
  readonly server = new MemoryServer({ clock: this.clock });
  readonly kernel = new MemoryKernel();
  readonly announcer = new Recorder();

  constructor({ ranges = true } = {}) {
    this.kernel.hops.set(POD, podHop("veth1", 11));
    this.kernel.hops.set(OTHER_IP, segmentHop);
    if (ranges) this.publishRanges();
  }

  publishRanges(): void {
    const metadata = { namespace: "podpin-system", name: CLUSTER_RANGES_CONFIG_MAP };
    this.server.create(RESOURCES.configMaps, { metadata, data: { cidrs: "10.244.0.0/16\n10.0.0.11/32\n" } } as never);
  }

  agent({ delivery, isBlind = false, ...more }: Partial<AgentOptions> & Variant = {}) {
    const kube = new MemoryKube(this.server, { clock: this.clock, delivery });
    if (isBlind) withoutStandbys(kube);
    const passes: Plan[] = [];
    const agent = runAgent({
      kube,
      kernel: this.kernel,
      announcers: forArp(this.announcer),
      clock: this.clock,
      log: () => undefined,
      nodeName: ME,
      nodeIp: MY_IP,
      uplink: UPLINK,
      namespace: "podpin-system",
      onPass: (plan) => passes.push(plan),
      ...more,
    });
    return { ...agent, kube, passes };
  }

  /** Creates the object, or replaces its spec. */
  write({ metadata, spec, ...rest }: AddressBinding): void {
    const old = this.binding(metadata.name);
    if (old === undefined) this.server.create<AddressBinding>(RESOURCES.addressBindings, { metadata, spec, ...rest });
    else this.server.replace<AddressBinding>(RESOURCES.addressBindings, { ...old, spec });
  }

  /** As another agent. */
  otherSays(address: string, entry: BindingAck): void {
    this.says(address, entry, OTHER);
  }

  /** As whichever agent runs on the node. */
  says(address: string, entry: BindingAck, nodeName = ME): void {
    const { apiVersion, kind } = binding(address);
    const object = { apiVersion, kind, metadata: { name: address }, status: { acks: [entry] } };
    this.server.apply<AddressBinding>(RESOURCES.addressBindings, object as never, `podpin-agent-${nodeName}`, "status");
  }

  binding(address: string): AddressBinding | undefined {
    return this.server.get<AddressBinding>(RESOURCES.addressBindings, { name: address });
  }

  ack(address = A): BindingAck | undefined {
    const found = this.binding(address);
    return found && ackOf(found, ME);
  }

  /** The kernel reports something, and the agent looks. */
  async hears(): Promise<void> {
    this.kernel.event();
    await this.clock.run(10);
    await this.rest();
  }

  /** Lets everything that needs no time happen, however many turns it takes. */
  async rest(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await settle();
  }
}
