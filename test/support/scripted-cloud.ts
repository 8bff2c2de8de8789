// A cloud in memory that leads packets where it is told to, after a while, and says what it was asked. What Compute Engine itself
// does is in lab/cloud.
import type { Clock } from "../../controller-image/src/kube/api";
import type {
  CloudAround,
  CloudFabric,
  CloudIntent,
  CloudProblem,
  CloudView,
  CloudWish,
} from "../../controller-image/src/fabric/cloud";

/** What one cloud holds, whoever asks: several controllers may share it. */
export class ScriptedCloud {
  /** By UID of the route: where each address is led. */
  readonly holdings = new Map<string, Map<string, string>>();
  /** Every change that was made, in order: `route-uid 198.51.100.10 -> node1`. */
  readonly changes: string[] = [];
  /** From a wish to what it brings about. */
  latencyMs = 1_500;
  /** Nothing is changed any more. */
  problem: CloudProblem | undefined;
  /** Nothing can be read either; what was read is still known. */
  readable = true;

  constructor(readonly clock: Clock) {}

  fabric(around: CloudAround): ScriptedFabric {
    return new ScriptedFabric(this, around);
  }
}

export class ScriptedFabric implements CloudFabric {
  /** Every change of what is wished, in order. */
  readonly wishes: (CloudWish & { readonly uid: string })[] = [];
  /** What else it was told: `start`, `settled`, `pause`, `stop`. */
  readonly told: string[] = [];
  readonly #wished = new Map<string, CloudWish>();
  readonly #busy = new Set<string>();
  #known = false;
  #acting = false;

  constructor(
    private readonly cloud: ScriptedCloud,
    readonly around: CloudAround,
  ) {}

  want(intent: CloudIntent): void {
    this.#wish(intent.route.uid, { verb: "want", intent });
  }

  keep(routeUid: string, addresses: readonly string[]): void {
    this.#wish(routeUid, { verb: "keep", addresses });
  }

  remove(routeUid: string): void {
    this.#wish(routeUid, { verb: "remove" });
  }

  view(routeUid: string): CloudView {
    if (!this.#known) return { known: false, leads: new Map(), empty: false };
    const leads = this.cloud.holdings.get(routeUid);
    const { problem } = this.cloud;
    return { known: true, leads: new Map(leads), empty: leads === undefined, ...(problem && { problem }) };
  }

  routes(): readonly string[] {
    return this.#known ? [...this.cloud.holdings.keys()] : [];
  }

  settled(): void {
    this.told.push("settled");
  }

  start(): void {
    this.told.push("start");
    this.#acting = true;
    this.#read();
  }

  pause(): void {
    this.told.push("pause");
    this.#acting = false;
    this.#known = false;
    this.#wished.clear();
  }

  stop(): Promise<void> {
    this.told.push("stop");
    this.#acting = false;
    return Promise.resolve();
  }

  /** Says that something is new of every route that it has heard of, or that it holds something of. */
  tellAll(): void {
    for (const uid of new Set([...this.#wished.keys(), ...this.cloud.holdings.keys()])) this.around.changed(uid, false);
    for (const uid of this.#wished.keys()) this.#work(uid);
  }

  #read(): void {
    this.cloud.clock.after(100, () => {
      if (!this.#acting) return;
      if (!this.cloud.readable) return this.#read();
      this.#known = true;
      this.tellAll();
    });
  }

  #wish(uid: string, wish: CloudWish): void {
    const before = this.#wished.get(uid);
    if (before === undefined || textOf(before) !== textOf(wish)) this.wishes.push({ uid, ...wish });
    this.#wished.set(uid, wish);
    this.#work(uid);
  }

  #work(uid: string): void {
    if (!this.#acting || !this.#known || this.#busy.has(uid) || this.cloud.problem !== undefined) return;
    const wish = this.#wished.get(uid);
    if (wish === undefined || this.#done(uid, wish)) return;
    this.#busy.add(uid);
    this.cloud.clock.after(this.cloud.latencyMs, () => {
      this.#busy.delete(uid);
      // The cloud does what it was asked then; whoever asked may not be there any more to see it.
      if (this.cloud.problem === undefined) this.#bringAbout(uid, wish);
      if (this.#acting) this.around.changed(uid, wish.verb === "want" && wish.intent.urgent);
      this.#work(uid);
    });
  }

  #done(uid: string, wish: CloudWish): boolean {
    const held = this.cloud.holdings.get(uid) ?? new Map<string, string>();
    if (wish.verb === "remove") return !this.cloud.holdings.has(uid);
    const addresses = wish.verb === "keep" ? wish.addresses : wish.intent.addresses;
    if ([...held.keys()].some((address) => !addresses.includes(address))) return false;
    const leader = wish.verb === "keep" ? undefined : wish.intent.leader;
    return leader === undefined || addresses.every((address) => held.get(address) === leader);
  }

  #bringAbout(uid: string, wish: CloudWish): void {
    const { holdings, changes } = this.cloud;
    if (wish.verb === "remove") {
      holdings.delete(uid);
      changes.push(`${uid} removed`);
      return;
    }
    const held = holdings.get(uid) ?? new Map<string, string>();
    const addresses = wish.verb === "keep" ? wish.addresses : wish.intent.addresses;
    for (const address of [...held.keys()]) {
      if (addresses.includes(address)) continue;
      held.delete(address);
      changes.push(`${uid} ${address} no more`);
    }
    const leader = wish.verb === "keep" ? undefined : wish.intent.leader;
    if (leader === undefined) return;
    for (const address of addresses) {
      if (held.get(address) === leader) continue;
      held.set(address, leader);
      changes.push(`${uid} ${address} -> ${leader}`);
    }
    holdings.set(uid, held);
  }
}

const textOf = (wish: CloudWish): string =>
  JSON.stringify(wish, (_key, value: unknown) => (value instanceof Map ? [...(value as Map<string, number>)] : value));
