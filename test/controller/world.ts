// A cluster in memory, with agents that answer as real ones do, and as many controllers as a test starts.
import {
  AckState,
  ackOf,
  CLUSTER_RANGES_CONFIG_MAP,
  isLed,
  mayAnnounce,
  type AddressBinding,
} from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject, type Resource } from "../../lib/model/kubernetes";
import {
  runController,
  type Controller,
  type ControllerOptions,
} from "../../controller-image/src/controller/controller";
import type { Kube } from "../../controller-image/src/kube/api";
import type { LeaseApi } from "../../controller-image/src/kube/election";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { A, aClass, aGateway, aPod, aRoute } from "../support/objects";
import { VirtualClock } from "../support/virtual-clock";

const { addressBindings, configMaps, gkeIpRoutes, gateways, gatewayClasses, pods, nodes, namespaces } = RESOURCES;

export const aNode = (name: string, address: string, ready = true): KubeObject => ({
  metadata: { name },
  ...{
    spec: { podCIDRs: [`10.244.${name.slice(-1)}.0/24`] },
    status: {
      addresses: [{ type: "InternalIP", address }],
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  },
});

export class World {
  readonly clock = new VirtualClock();
  readonly server = new MemoryServer({ clock: this.clock });
  readonly kube = new MemoryKube(this.server, { clock: this.clock });
  readonly #controllers: Controller[] = [];
  /** Nodes whose agents answer. */
  readonly agents = new Set(["node1", "node2"]);

  constructor() {
    for (const name of ["edge", "default", "podpin-system"]) this.server.create(namespaces, { metadata: { name } });
    this.put(nodes, aNode("node1", "172.30.0.11"));
    this.put(nodes, aNode("node2", "172.30.0.12"));
    this.server.create(gatewayClasses, aClass());
    this.server.create(gateways, bare(aGateway()));
    this.server.onCommit(() => void this.clock.after(5, () => this.answer()));
  }

  /** Starts one more controller. By default each has an election of its own, and so leads. */
  start(given: Partial<ControllerOptions> = {}): Controller {
    const name = `controller-${this.#controllers.length}`;
    const leases = given.leases ?? new MemoryKube(new MemoryServer({ clock: this.clock }), { clock: this.clock });
    const controller = runController({
      leases,
      podName: name,
      identity: name,
      clock: this.clock,
      log: () => undefined,
      namespace: "podpin-system",
      clusterCidrs: [],
      definitions: [],
      ...given,
      kube: withLeases(given.kube ?? this.kube, leases),
    });
    this.#controllers.push(controller);
    return controller;
  }

  /** Starts a controller with a route that takes a Pod p on node1, and waits until it does. */
  async served(route: Parameters<typeof newRoute>[0] = {}, given?: Partial<ControllerOptions>): Promise<Controller> {
    this.pod("p");
    this.server.create(gkeIpRoutes, newRoute(route));
    const controller = this.start(given);
    await this.until(() => this.ready() === "True ProgrammingComplete");
    return controller;
  }

  async stop(): Promise<void> {
    for (const controller of this.#controllers) await controller.stop();
  }

  /** What well-behaved agents would acknowledge now. */
  answer(): void {
    for (const binding of this.server.list<AddressBinding>(addressBindings)) {
      const { nodeName, owner, epoch, releasing } = binding.spec;
      if (owner !== undefined && this.agents.has(nodeName)) {
        const state = mayAnnounce(binding) && isLed(binding) ? AckState.Announced : AckState.Programmed;
        this.#ack(binding, nodeName, { epoch, podUid: owner.podUid, state });
      }
      const serving = ackOf(binding, nodeName)?.epoch === epoch;
      // Where packets are led they still arrive at the node before, until they are led elsewhere.
      const over = owner === undefined || (serving && (isLed(binding) || !releasing?.wait));
      if (releasing !== undefined && this.agents.has(releasing.nodeName) && over) {
        this.#ack(binding, releasing.nodeName, { epoch: releasing.epoch, podUid: "", state: AckState.Released });
      }
    }
  }

  #ack(binding: AddressBinding, nodeName: string, ack: { epoch: number; podUid: string; state: AckState }): void {
    const before = ackOf(binding, nodeName);
    if (before?.epoch === ack.epoch && before.state === ack.state && before.podUid === ack.podUid) return;
    this.server.apply(
      addressBindings,
      {
        metadata: { name: binding.metadata.name },
        status: { acks: [{ nodeName, ...ack }] },
      } as unknown as AddressBinding,
      `podpin-agent-${nodeName}`,
      "status",
    );
  }

  /** Creates the object and then, as the API server wants it, writes its status. */
  put(resource: Resource, object: KubeObject & { status?: unknown }): void {
    const created = this.server.create(resource, object);
    this.server.replace(resource, { ...created, status: object.status } as KubeObject, "status");
  }

  pod(...args: Parameters<typeof aPod>): void {
    this.put(pods, aPod(...args));
  }

  route(name = "route"): GKEIPRoute | undefined {
    return this.server.get<GKEIPRoute>(gkeIpRoutes, { namespace: "edge", name });
  }

  binding(address = A): AddressBinding | undefined {
    return this.server.get<AddressBinding>(addressBindings, { name: address });
  }

  ready(name = "route"): string | undefined {
    const ready = this.route(name)?.status?.conditions?.find(({ type }) => type === "Ready");
    return ready && `${ready.status} ${ready.reason}`;
  }

  /** From now on an epoch that is written for two owners is an error. */
  expectOneOwnerPerEpoch(): void {
    const owners = new Map<string, string>();
    this.server.onCommit(() => {
      for (const { spec } of this.server.list<AddressBinding>(addressBindings)) {
        const key = `${spec.address} ${spec.epoch}`;
        const owner = JSON.stringify([spec.nodeName, spec.owner]);
        expect(owners.get(key) ?? owner).toBe(owner);
        owners.set(key, owner);
      }
    });
  }

  /** What agents are told of the cluster's own ranges, one on each line. */
  ranges(): string | undefined {
    const ref = { namespace: "podpin-system", name: CLUSTER_RANGES_CONFIG_MAP };
    return this.server.get<KubeObject & { data?: Record<string, string> }>(configMaps, ref)?.data?.["cidrs"];
  }

  until(done: () => boolean): Promise<void> {
    return this.clock.runUntil(done, 120_000);
  }
}

/** Without what the API server gives. */
export function bare<T extends KubeObject>(object: T): T {
  const { uid: _u, resourceVersion: _r, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  return { ...object, metadata };
}

export const newRoute = (...args: Parameters<typeof aRoute>): GKEIPRoute => bare(aRoute(...args));

/** Reads the Lease where the election keeps it. */
function withLeases(kube: Kube, leases: LeaseApi): Kube {
  const get: Kube["get"] = (resource, ref) => (resource === RESOURCES.leases ? leases : kube).get(resource, ref);
  return new Proxy(kube, {
    get: (target, name) => {
      if (name === "get") return get;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
