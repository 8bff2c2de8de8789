// The fabric as it runs: what is wanted of each route, and a term for as long as this replica acts. Nothing outlives a term but
// what the cloud itself says.
import type { Clock, Log } from "../../kube/api";
import type { Metrics } from "../../kube/metrics";
import type { CloudAround, CloudFabric, CloudIntent, CloudProblem, CloudView, CloudWish } from "../cloud";
import type { Compute } from "./compute";
import type { Driver, FirewallOptions } from "./plan";
import { Term } from "./term";

export interface GceFabricOptions {
  readonly compute: Compute;
  readonly around: CloudAround;
  readonly region: string;
  /** `haPolicy` or `targetInstance`. */
  readonly driver: Driver;
  /** Makes firewall rules for the addresses. @default - none are made */
  readonly firewall?: FirewallOptions & {
    /** The project of the VPC network. @default - the same as everything else's */
    readonly compute?: Compute;
  };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** What goes on while this replica acts, besides: begun with each term, ended with it. @default - nothing */
  readonly besides?: { start(): void; stop(): void };
  /** What full URLs of resources begin with. @default RESOURCE_ROOT */
  readonly root?: string;
}

/** By UID of the route. */
export type Wishes = ReadonlyMap<string, CloudWish>;

/** From one look to the next whether the cluster has told its UID. */
const CLUSTER_EVERY_MS = 500;

const UNKNOWN: CloudView = { known: false, leads: new Map(), empty: false };

export function createGceFabric(options: GceFabricOptions): CloudFabric {
  return new GceFabric(options);
}

class GceFabric implements CloudFabric {
  readonly #wishes = new Map<string, CloudWish>();
  readonly #record: FabricMetrics;
  #term: Term | undefined;
  #settled = false;
  #starting: (() => void) | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(private readonly options: GceFabricOptions) {
    this.#record = fabricMetrics(options.metrics, () => this.routes().length);
  }

  want(intent: CloudIntent): void {
    this.#set(intent.route.uid, { verb: "want", intent });
  }

  keep(routeUid: string, addresses: readonly string[]): void {
    this.#set(routeUid, { verb: "keep", addresses });
  }

  remove(routeUid: string): void {
    this.#set(routeUid, { verb: "remove" });
  }

  view(routeUid: string): CloudView {
    return this.#term?.view(routeUid) ?? UNKNOWN;
  }

  settled(): void {
    this.#settled = true;
    this.#term?.settled();
  }

  routes(): readonly string[] {
    return this.#term?.routes() ?? [];
  }

  start(): void {
    if (this.#term !== undefined || this.#starting !== undefined) return;
    const clusterUid = this.options.around.clusterUid();
    if (clusterUid === undefined) {
      this.#starting = this.options.clock.after(CLUSTER_EVERY_MS, () => {
        this.#starting = undefined;
        this.start();
      });
      return;
    }
    this.#term = new Term(this.options, clusterUid, this.#wishes, this.#record);
    this.options.besides?.start();
    if (this.#settled) this.#term.settled();
  }

  pause(): void {
    const term = this.#term;
    this.#term = undefined;
    this.#settled = false;
    this.#starting?.();
    this.#starting = undefined;
    this.#wishes.clear();
    if (term === undefined) return;
    this.options.besides?.stop();
    this.#ending = Promise.all([this.#ending, term.end()]).then(() => undefined);
  }

  async stop(): Promise<void> {
    this.pause();
    this.options.compute.close();
    this.options.firewall?.compute?.close();
    await this.#ending;
  }

  #set(uid: string, wish: CloudWish): void {
    const before = this.#wishes.get(uid);
    this.#wishes.set(uid, wish);
    this.#term?.wished(uid, before);
  }
}

/** What is told of the fabric's work. */
export interface FabricMetrics {
  changed(verb: string, collection: string, problem: CloudProblem | undefined): void;
  /** From when another node was wanted until every address of the route was led there. */
  led(milliseconds: number, urgent: boolean): void;
}

function fabricMetrics(metrics: Metrics | undefined, routes: () => number): FabricMetrics {
  if (metrics === undefined) return { changed: () => undefined, led: () => undefined };
  metrics.gauge("podpin_cloud_routes", "Routes that have something in the cloud.", () => [[routes()]]);
  const changes = metrics.counter("podpin_cloud_changes_total", "Changes in the cloud, by kind and how they ended.");
  const bounds = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
  const led = metrics.histogram(
    "podpin_cloud_lead_seconds",
    "From when another node was wanted until the cloud led every address of the route there.",
    bounds,
  );
  return {
    changed: (verb, collection, problem) => {
      changes.add({ verb, collection, result: problem === undefined ? "done" : problem.reason });
    },
    led: (milliseconds, urgent) => led.observe(milliseconds / 1000, { urgent: String(urgent) }),
  };
}
