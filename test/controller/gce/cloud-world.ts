// The running fabric against the stand-in of Compute, through the client that ships, in virtual time. The world also watches,
// change by change, that no packet is led to a node that was never wanted.
import type { CloudAround, CloudFabric, CloudIntent } from "../../../controller-image/src/fabric/cloud";
import type {
  Compute,
  ComputeRequest,
  ComputeResponse,
  ComputeTransport,
} from "../../../controller-image/src/fabric/gce/compute";
import { createCompute } from "../../../controller-image/src/fabric/gce/client";
import { createGceFabric, type GceFabricOptions } from "../../../controller-image/src/fabric/gce/fabric";
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import type { Log } from "../../../controller-image/src/kube/api";
import { pause } from "../../../controller-image/src/kube/backoff";
import { Metrics } from "../../../controller-image/src/kube/metrics";
import { ComputeCloud, type CloudOptions } from "../../../lab/cloud/cloud";
import { transportTo } from "../../../lab/cloud/transport";
import { VirtualClock } from "../../support/virtual-clock";

export const REGION = "us-central1";
export const CLUSTER = "5f0e8a52-6c7b-4f4e-9a42-8a57f5f3a001";
const SCOPE = `regions/${REGION}`;
/** Host project of a Shared VPC, in worlds that have one. */
export const HOST = "host";
export const SHARED_SUBNETWORK = `projects/${HOST}/${SCOPE}/subnetworks/default`;
/** As long as an operation takes at most where much is made directly. */
const DIRECT_MS = 500;

export interface WorldOptions extends Partial<CloudOptions> {
  readonly seed?: number;
  /** How many VMs, one after another in the zones a, b and c. @default 3 */
  readonly nodes?: number;
}

/** A replica of the controller, as far as the fabric is concerned. */
export interface Replica {
  readonly fabric: CloudFabric;
  readonly metrics: Metrics;
  /** UIDs of routes whose view has changed, in order. */
  readonly changed: string[];
  /** Its time has run out, and nobody has told it yet. */
  depose(): void;
  /** From now on it gets no answer and sends nothing, as when its process has ended. */
  kill(): void;
}

export class CloudWorld {
  readonly clock: VirtualClock;
  readonly cloud: ComputeCloud;
  readonly logged: string[] = [];
  /** By address: nodes that packets went to, in order; an empty text for nowhere. */
  readonly delivered = new Map<string, string[]>();
  /** What becomes of answers on their way to replicas. */
  onTheWay: (answer: ComputeResponse, request: ComputeRequest) => ComputeResponse = (answer) => answer;

  constructor({ seed = 1, nodes = 3, ...options }: WorldOptions = {}) {
    this.clock = new VirtualClock({ seed });
    this.cloud = new ComputeCloud({ clock: this.clock, ...options });
    for (let i = 1; i <= nodes; i++) this.addNode(`node${i}`);
    this.cloud.delivery.onChange((address, to) => {
      const past = this.delivered.get(address) ?? [];
      this.delivered.set(address, [...past, to?.instance ?? ""]);
    });
  }

  zoneOf(node: string): string {
    const index = Number(node.replace("node", ""));
    return `${REGION}-${"abc"[(index - 1) % 3] ?? "a"}`;
  }

  /** @param interfaces with `subnetwork: SHARED_SUBNETWORK` it is in the network of another project */
  addNode(name: string, interfaces: readonly object[] = [{}]): void {
    this.cloud.make(`zones/${this.zoneOf(name)}`, "instances", { name, networkInterfaces: interfaces as never });
  }

  /** Reserves an address of this value. */
  reserve(address: string, more: Readonly<Record<string, string>> = {}): void {
    this.cloud.make(SCOPE, "addresses", { name: `a-${address.replaceAll(".", "-")}`, address, ...more });
  }

  replica(options: Partial<GceFabricOptions> = {}, around: Partial<CloudAround> = {}): Replica {
    let killed = false;
    const changed: string[] = [];
    const direct = transportTo(this.cloud);
    const transport: ComputeTransport = async (request) => {
      if (killed) return new Promise(() => undefined);
      const answer = this.onTheWay(await direct(request), request);
      return killed ? new Promise(() => undefined) : answer;
    };
    const log: Log = (level, message, fields) => {
      if (!killed) this.logged.push(`${level} ${message} ${JSON.stringify(fields, plain)}`);
    };
    let acts = true;
    const isActing = (): boolean => acts;
    const compute = createCompute({ project: "demo", transport, clock: this.clock, log, mayChange: isActing });
    const metrics = new Metrics();
    const fabric = createGceFabric({
      compute,
      around: {
        isActing,
        clusterUid: () => CLUSTER,
        region: () => REGION,
        node: (name) => ({ project: "demo", zone: this.zoneOf(name), instance: name }),
        nodeOn: ({ instance }) => instance,
        network: (name) => ({ vpc: name, vpcSubnet: name }),
        changed: (uid) => void changed.push(uid),
        ...around,
      },
      region: REGION,
      driver: haPolicy,
      clock: this.clock,
      log,
      metrics,
      ...options,
    });
    return {
      fabric,
      metrics,
      changed,
      depose: () => void (acts = false),
      kill: () => {
        killed = true;
        compute.close();
        fabric.pause();
      },
    };
  }

  /** Somebody else's way to the same project, or the fabric's to another one. */
  client(project = "demo"): Compute {
    return createCompute({
      project,
      transport: transportTo(this.cloud, { project }),
      clock: this.clock,
      log: () => undefined,
    });
  }

  /** A way to make much in no time: what it makes is there at once, by the rules of the API but without its calls. */
  directly(): Compute {
    const { cloud } = this;
    const bodyOf = (path: string) => cloud.state.get(`projects/demo/${path}`)?.body as never;
    const call = async (method: string, path: string, body: object): Promise<void> => {
      await cloud.handle({ method, path: `/compute/v1/projects/demo/${path}`, body });
      await pause(this.clock, DIRECT_MS);
    };
    const direct: Partial<Compute> = {
      project: "demo",
      get: (scope, collection, name) => Promise.resolve(bodyOf(`${scope}/${collection}/${name}`)),
      list: (scope, collection) =>
        Promise.resolve(cloud.state.in(`projects/demo/${scope}/${collection}`).map(({ body }) => body as never)),
      listEverywhere: (collection) =>
        Promise.resolve(cloud.state.everywhere("demo", collection).map(({ body }) => body as never)),
      insert: (scope, collection, body) => {
        cloud.make(scope, collection, body as never);
        return Promise.resolve();
      },
      patch: (scope, collection, name, body) => call("PATCH", `${scope}/${collection}/${name}`, body),
      attachEndpoints: (zone, group, networkEndpoints) =>
        call("POST", `zones/${zone}/networkEndpointGroups/${group}/attachNetworkEndpoints`, { networkEndpoints }),
      close: () => undefined,
    };
    return direct as Compute;
  }

  /** Resources that podpin has made, by their paths. */
  get made(): string[] {
    const collections = ["forwardingRules", "backendServices", "networkEndpointGroups", "targetInstances", "firewalls"];
    const all = collections.flatMap((collection) => this.cloud.state.everywhere("demo", collection));
    return all.map(({ key }) => key.replace("projects/demo/", "")).sort();
  }

  /** Names of calls that change something, since the calls were cleared. */
  get changes(): string[] {
    return this.cloud.calls.mutating.map(({ id }) => id);
  }

  goesTo(address: string): string | undefined {
    return this.cloud.delivery.deliver(address)?.instance;
  }

  async until(done: () => boolean, limitMs?: number): Promise<void> {
    try {
      await this.clock.runUntil(done, limitMs);
    } catch (error) {
      console.log(
        this.logged.slice(-30).join("\n"),
        this.cloud.calls.log
          .slice(-30)
          .map((c) => `${c.at} ${c.id} ${c.status} ${c.reason} ${c.path}`)
          .join("\n"),
        this.made,
      );
      throw error;
    }
  }
}

/** For tests of what both have to hold. */
export const DRIVERS = [
  { name: "ha-policy", driver: haPolicy },
  { name: "target-instance", driver: targetInstance },
];

/** One replica that has begun, and knows what there is to be led unless it is not settled. */
export function begin(
  driver: Driver,
  addresses: readonly string[] = [],
  { world = new CloudWorld(), settled = true } = {},
) {
  for (const address of addresses) world.reserve(address);
  const replica = world.replica({ driver });
  replica.fabric.start();
  if (settled) replica.fabric.settled();
  return { world, replica, fabric: replica.fabric };
}

/** One replica that has led the addresses there and has nothing left to do. What was counted so far is forgotten. */
export async function led(driver: Driver, intent: CloudIntent, options: Parameters<typeof begin>[2] = {}) {
  const all = begin(driver, intent.addresses, options);
  all.fabric.want(intent);
  await all.world.until(() => isLed(all.replica, intent));
  await all.world.clock.run(30_000);
  all.world.delivered.clear();
  all.world.cloud.calls.clear();
  return all;
}

export interface IntentOptions {
  readonly uid?: string;
  readonly addresses?: readonly string[];
  readonly leader?: string;
  readonly candidates?: readonly string[];
  readonly epoch?: number;
  readonly urgent?: boolean;
  readonly network?: string;
  readonly internal?: boolean;
  readonly allowGlobalAccess?: boolean;
}

export function intentFor(options: IntentOptions = {}): CloudIntent {
  const { uid = "route-uid-1", addresses = ["203.0.113.10"], leader, epoch = 1 } = options;
  const candidates = options.candidates ?? (leader === undefined ? [] : [leader]);
  return {
    route: { namespace: "edge", name: uid.replace("route-uid-", "r"), uid },
    network: options.network ?? "default",
    addressType: options.internal === true ? "INTERNAL" : "EXTERNAL",
    allowGlobalAccess: options.allowGlobalAccess ?? false,
    addresses,
    epochs: new Map(addresses.map((address) => [address, epoch])),
    ...(leader !== undefined && { leader }),
    candidates,
    urgent: options.urgent ?? false,
  };
}

/** Whether every address of the intent is led to its leader, as the fabric says. */
export function isLed({ fabric }: Replica, { route, addresses, leader }: CloudIntent): boolean {
  const { known, leads, problem } = fabric.view(route.uid);
  return known && problem === undefined && addresses.every((address) => leads.get(address) === leader);
}

function plain(_name: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

/** The same for many routes, looking only at those whose view has changed since it was last asked. */
export function allLed(replica: Replica, intents: readonly CloudIntent[]): () => boolean {
  const waiting = new Map(intents.map((intent) => [intent.route.uid, intent]));
  let seen = 0;
  let first = true;
  return () => {
    const concerned = first ? [...waiting.keys()] : replica.changed.slice(seen);
    first = false;
    seen = replica.changed.length;
    for (const uid of concerned) {
      const intent = waiting.get(uid);
      if (intent !== undefined && isLed(replica, intent)) waiting.delete(uid);
    }
    return waiting.size === 0;
  };
}
