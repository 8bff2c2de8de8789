// A cloud that leads packets, as far as routes need one: slow, out of reach, out of permissions, or silent about what it has done.
// What Compute Engine's own objects are is tested with lab/cloud; here counts what the delays and failures lead to. Delivery follows
// what the cloud does, not what it has said: somewhere between a call and its answer.
import type {
  CloudAround,
  CloudFabric,
  CloudIntent,
  CloudProblem,
  CloudView,
  CloudWish,
} from "../../controller-image/src/fabric/cloud";
import { LATE_LOOKS_MS } from "../../controller-image/src/fabric/gce/surveys";
import type { VirtualClock } from "../support/virtual-clock";
import type { SimProcess } from "./process";
import type { Random } from "./random";

/** What there is of one route, a new value at every change. */
export interface Holding {
  readonly leads: ReadonlyMap<string, string>;
  /** For which epoch of each address: whoever acts for a lower one is refused. */
  readonly epochs: ReadonlyMap<string, number>;
}

export interface SimCloudOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly say: (text: () => string) => void;
  /** The packets of the address go to another node, or to none, from now on, as was asked then. */
  readonly onLead: (address: string, node: string | undefined, askedAt: number) => void;
  /** Whether another process has the Lease. */
  readonly isSucceeded: (process: SimProcess) => boolean;
}

export class CloudError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

type Refusal = "down" | "denied";

export class SimCloud {
  /** By UID of the route. */
  readonly holdings = new Map<string, Holding>();
  /** Calls that change something take so long; others a tenth of it. */
  slowMs: readonly [least: number, most: number] = [300, 1_500];
  refuses: Refusal | undefined;
  /** So many changes are made without anybody being told. */
  lostAnswers = 0;
  /** Changes that were made. */
  changes = 0;
  /** Addresses that were last led by a call of somebody who leads no more, or takes himself for who does: whoever does has not seen it. */
  readonly late = new Set<string>();

  constructor(readonly options: SimCloudOptions) {}

  /** The node that gets a packet for the address now. */
  to(address: string): string | undefined {
    for (const { leads } of this.holdings.values()) if (leads.has(address)) return leads.get(address);
    return undefined;
  }

  /** Whether something of the route is there that whoever leads can know of. */
  holds(uid: string): boolean {
    return [...(this.holdings.get(uid)?.leads.keys() ?? [])].some((address) => !this.late.has(address));
  }

  fabric(process: SimProcess, around: CloudAround): SimFabric {
    return new SimFabric(this, process, around);
  }

  /** What is there: whoever is answered at all is answered the truth. */
  async read(process: SimProcess, uid: string): Promise<Holding | undefined> {
    await this.#time(process, 0.1);
    this.#mayAnswer(false);
    return this.holdings.get(uid);
  }

  async list(process: SimProcess): Promise<Map<string, Holding>> {
    await this.#time(process, 0.1);
    this.#mayAnswer(false);
    return new Map(this.holdings);
  }

  /**
   * One change, made only if the route's holding is what the caller has read.
   *
   * @param isLeading whether the caller still acts
   */
  async change(
    process: SimProcess,
    uid: string,
    [was, next]: readonly [Holding | undefined, Holding | undefined],
    isLeading: () => boolean,
  ): Promise<void> {
    const { clock, random } = this.options;
    this.#mayAnswer(true);
    const [least, most] = this.slowMs;
    const whole = random.between(least, most);
    let refused: CloudError | undefined;
    const askedAt = clock.now();
    // The cloud goes on with what it was asked, whatever becomes of the caller.
    clock.after(random.between(0, whole), () => {
      refused = this.#refusal(uid, was, next);
      if (refused === undefined) {
        const late = !process.alive || !isLeading() || this.options.isSucceeded(process);
        this.#make(uid, next, { late, askedAt });
      }
    });
    await new Promise<void>((resolve) => process.clock.after(whole, resolve));
    if (this.lostAnswers > 0) {
      this.lostAnswers--;
      throw new CloudError("Unavailable", "the connection was reset");
    }
    if (refused !== undefined) throw refused;
  }

  #refusal(uid: string, was: Holding | undefined, next: Holding | undefined): CloudError | undefined {
    if (this.holdings.get(uid) !== was) return new CloudError("ConditionNotMet", "somebody else has changed it");
    for (const address of next?.leads.keys() ?? []) {
      const other = [...this.holdings].find(([one, { leads }]) => one !== uid && leads.has(address));
      if (other !== undefined) return new CloudError("AddressInUse", `${address} is led for another route`);
    }
    return undefined;
  }

  #make(
    uid: string,
    next: Holding | undefined,
    { late, askedAt }: { readonly late: boolean; readonly askedAt: number },
  ): void {
    const { say, onLead } = this.options;
    const was = this.holdings.get(uid);
    this.changes++;
    if (next === undefined) this.holdings.delete(uid);
    else this.holdings.set(uid, next);
    for (const address of new Set([...(was?.leads.keys() ?? []), ...(next?.leads.keys() ?? [])])) {
      const node = next?.leads.get(address);
      if (late) this.late.add(address);
      else this.late.delete(address);
      if (was?.leads.get(address) === node) continue;
      say(() => `the cloud leads ${address} ${node === undefined ? "nowhere" : `to ${node}`}`);
      onLead(address, node, askedAt);
    }
  }

  #time(process: SimProcess, part: number): Promise<void> {
    const [least, most] = this.slowMs;
    const ms = this.options.random.between(least, most) * part;
    return new Promise((resolve) => process.clock.after(ms, resolve));
  }

  #mayAnswer(changes: boolean): void {
    if (this.refuses === "down") throw new CloudError("Unavailable", "the cloud does not answer");
    if (this.refuses === "denied" && changes) throw new CloudError("PermissionDenied", "a permission is missing");
  }
}

const RETRY_MS = [500, 5_000] as const;
const HOLD_OFF_MS = 30_000;

/** What one controller process knows and does of the cloud. */
class SimFabric implements CloudFabric {
  readonly #wished = new Map<string, CloudWish>();
  readonly #seen = new Map<string, Holding>();
  readonly #problems = new Map<string, CloudProblem>();
  readonly #busy = new Set<string>();
  /** Addresses that a change which is under way concerns, or one that nobody has answered. */
  readonly #unsure = new Map<string, ReadonlySet<string>>();
  readonly #supersededSince = new Map<string, number>();
  #known = false;
  #acting = false;
  /** Counts the times that it was told to act, so that what is from before ends. */
  #term = 0;

  constructor(
    private readonly cloud: SimCloud,
    private readonly process: SimProcess,
    private readonly around: CloudAround,
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
    const seen = this.#seen.get(routeUid);
    const problem = this.#problems.get(routeUid);
    const unsure = this.#unsure.get(routeUid);
    const rest = { ...(unsure && { unsure }), ...(problem && { problem }) };
    return { known: true, leads: new Map(seen?.leads), empty: seen === undefined && unsure === undefined, ...rest };
  }

  routes(): readonly string[] {
    return this.#known ? [...this.#seen.keys()] : [];
  }

  settled(): void {
    // What no route asks for the controller takes away itself, by `routes` and `remove`.
  }

  start(): void {
    this.#acting = true;
    void this.#begin(++this.#term);
  }

  pause(): void {
    this.#acting = false;
    this.#term++;
    this.#known = false;
    for (const each of [this.#wished, this.#seen, this.#problems, this.#busy, this.#unsure, this.#supersededSince])
      each.clear();
  }

  stop(): Promise<void> {
    this.#acting = false;
    this.#term++;
    return Promise.resolve();
  }

  async #begin(term: number): Promise<void> {
    while (this.#isOf(term)) {
      try {
        const found = await this.cloud.list(this.process);
        if (!this.#isOf(term)) return;
        for (const [uid, holding] of found) this.#seen.set(uid, holding);
        this.#known = true;
        for (const uid of new Set([...this.#wished.keys(), ...found.keys()])) this.around.changed(uid, false);
        for (const uid of this.#wished.keys()) this.#work(uid);
        for (const ms of LATE_LOOKS_MS) this.process.clock.after(ms, () => void this.#lookAgain(term));
        return;
      } catch {
        await this.#pause();
      }
    }
  }

  /** For what calls of a former leader have made of it since. */
  async #lookAgain(term: number): Promise<void> {
    const found = this.#isOf(term) ? await this.cloud.list(this.process).catch(() => undefined) : undefined;
    if (found === undefined || !this.#isOf(term)) return;
    for (const uid of new Set([...this.#seen.keys(), ...found.keys()])) {
      // Whoever changes it finds out.
      if (!this.#busy.has(uid)) this.#sees(uid, found.get(uid), false);
    }
    for (const uid of this.#wished.keys()) this.#work(uid);
  }

  #isOf(term: number): boolean {
    return this.#acting && term === this.#term;
  }

  #wish(uid: string, wish: CloudWish): void {
    this.#wished.set(uid, wish);
    this.#work(uid);
  }

  #work(uid: string): void {
    if (!this.#known || !this.#acting || this.#busy.has(uid)) return;
    this.#busy.add(uid);
    const term = this.#term;
    void this.#bringAbout(uid, term).finally(() => {
      if (term === this.#term) this.#busy.delete(uid);
    });
  }

  /** One change after another, until there is nothing more to do. */
  async #bringAbout(uid: string, term: number): Promise<void> {
    let doubtful = false;
    while (this.#isOf(term)) {
      const wish = this.#wished.get(uid);
      if (wish === undefined) return;
      try {
        // What was seen last is what is there, unless something has been changed, or gone wrong.
        const was = doubtful ? await this.cloud.read(this.process, uid) : this.#seen.get(uid);
        if (!this.#isOf(term)) return;
        if (doubtful) this.#unsure.delete(uid);
        this.#sees(uid, was, doubtful);
        doubtful = false;
        const next = this.#next(wish, was);
        if (next === was) {
          if (this.#problems.delete(uid)) this.around.changed(uid, false);
          return;
        }
        this.#unsure.set(uid, new Set([...(was?.leads.keys() ?? []), ...(next?.leads.keys() ?? [])]));
        await this.cloud.change(this.process, uid, [was, next], () => this.#isOf(term));
        this.#supersededSince.delete(uid);
        doubtful = true;
      } catch (error) {
        if (!this.#isOf(term)) return;
        const { reason, message } = error as CloudError;
        doubtful = true;
        if (reason !== "ConditionNotMet") {
          const known = this.#problems.get(uid);
          this.#problems.set(uid, { reason, message });
          if (known?.reason !== reason) this.around.changed(uid, false);
          await this.#pause();
        }
      }
    }
  }

  #sees(uid: string, holding: Holding | undefined, wasUnsure: boolean): void {
    const before = this.#seen.get(uid);
    if (holding === undefined) this.#seen.delete(uid);
    else this.#seen.set(uid, holding);
    if (before !== holding || wasUnsure) this.around.changed(uid, false);
  }

  /** What there shall be; the same object where nothing changes. */
  #next(wish: CloudWish, was: Holding | undefined): Holding | undefined {
    if (wish.verb === "remove") return undefined;
    const addresses = wish.verb === "keep" ? wish.addresses : wish.intent.addresses;
    const leads = new Map([...(was?.leads ?? [])].filter(([address]) => addresses.includes(address)));
    const epochs = new Map([...(was?.epochs ?? [])].filter(([address]) => addresses.includes(address)));
    if (wish.verb === "want") {
      const { leader, epochs: wanted } = wish.intent;
      if (leader !== undefined && this.around.node(leader) !== undefined) {
        for (const address of addresses) {
          const [epoch, written] = [wanted.get(address) ?? 0, epochs.get(address) ?? 0];
          // In between somebody may have decided on another one, and a late change must not find what was there before that.
          const isFarAhead = epoch !== written && epoch !== written + 1;
          if (leads.get(address) === leader && !isFarAhead) continue;
          leads.set(address, leader);
          epochs.set(address, epoch);
        }
      }
    }
    if (leads.size === 0) return undefined;
    if (was !== undefined && sameMap(leads, was.leads) && sameMap(epochs, was.epochs)) return was;
    const isBehind = [...epochs].some(([address, epoch]) => epoch < (was?.epochs.get(address) ?? 0));
    if (isBehind && wish.verb === "want") this.#holdOff(wish.intent.route.uid);
    return { leads, epochs };
  }

  /** Keeps still, long enough for a controller that leads no more to be gone; epochs may also begin anew. */
  #holdOff(uid: string): void {
    const since = this.#supersededSince.get(uid) ?? this.process.clock.now();
    this.#supersededSince.set(uid, since);
    if (this.process.clock.now() - since < HOLD_OFF_MS) throw new CloudError("Superseded", "a newer one has acted");
  }

  #pause(): Promise<void> {
    const { random } = this.cloud.options;
    return new Promise((resolve) => this.process.clock.after(random.between(...RETRY_MS), resolve));
  }
}

function sameMap<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
