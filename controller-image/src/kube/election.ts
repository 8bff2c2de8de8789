// Which of several replicas acts: the one that holds the Lease. Nobody's wall clock is ever compared with another's: whoever
// waits counts from when it saw the Lease change, whoever holds counts from when it sent its last successful write, both on
// a clock that never jumps. The holder stops `leaseMs - renewDeadlineMs` before anybody else can start.
//
// An election is no fence: a write can be on its way while its writer loses the Lease. What keeps two owners apart is the
// compare-and-swap of every write; this only sees to it that one replica does the work.
import { RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type KubeApi, type Log, type ObjectRef } from "./api";
import { pause } from "./backoff";
import { microTime } from "./clock";
import { errorText } from "./log";

export interface ElectionTimes {
  /** A Lease that has not changed for this long may be taken by whoever watched it for so long. */
  readonly leaseMs: number;
  /** Who has not renewed for this long leads no more. The difference to `leaseMs` is the margin for clocks that run apart. */
  readonly renewDeadlineMs: number;
  /** From one renewal to the next. */
  readonly renewEveryMs: number;
  /** From one attempt to the next while waiting for the Lease, and after a failure. */
  readonly retryMs: number;
  /** One request is given up after this long. With `renewEveryMs` it leaves time for another within the deadline. */
  readonly attemptMs: number;
}

export const ELECTION_TIMES: ElectionTimes = {
  leaseMs: 3_000,
  renewDeadlineMs: 2_000,
  renewEveryMs: 1_000,
  retryMs: 500,
  attemptMs: 800,
};

export type LeaseApi = Pick<KubeApi, "get" | "create" | "replace">;

export interface ElectionOptions {
  /** On a connection of its own, so that no list or watch delays a renewal. */
  readonly leases: LeaseApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly lease: Required<ObjectRef>;
  /** Another one for each process that ever ran, or a restarted process would take itself for the one before it. */
  readonly identity: string;
  readonly times?: Partial<ElectionTimes>;
  /**
   * Whether the process of this identity is known to be gone: its Lease may then be taken at once. Who is wrong here makes two
   * replicas work until the other one renews, a second at most. @default nobody is known to be gone
   */
  readonly isGone?: (identity: string) => boolean;
  /**
   * Called when this replica begins to lead; may be called again after {@link onStopped}.
   *
   * @param besideMs for how long another replica may still act that takes itself for the one that leads, in milliseconds
   */
  readonly onStarted: (besideMs: number) => void;
  /** Called when it leads no more, before anybody else can; what still runs must find that out by `isLeading`. */
  readonly onStopped: () => void;
}

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

interface Seen {
  readonly lease: Lease;
  readonly at: number;
}

/** How often a failure that goes on is logged again. */
const LOG_AGAIN_MS = 30_000;
/** No version of podpin asks for more; a Lease that does was edited, and would leave the cluster without a leader for years. */
const LONGEST_LEASE_MS = 60_000;
/** Of a Lease that was given back. */
const RELEASED_SECONDS = 1;
/** What the API server takes for it. */
const MOST_TRANSITIONS = 2 ** 31 - 1;

export class Election {
  readonly #options: ElectionOptions;
  readonly #times: ElectionTimes;
  readonly #abort = new AbortController();
  #hurry = new AbortController();
  readonly #running: Promise<void>;
  /** The Lease as we wrote it last, while nothing speaks against its being the newest. */
  #held: Lease | undefined;
  /** Whether the Lease may carry our name. */
  #wrote = false;
  /** The newest Lease that we know, and when we first saw it as it is. */
  #seen: Seen | undefined;
  /** When the write was sent that our leading rests on; undefined while we do not lead. */
  #renewedAt: number | undefined;
  #cancelDeadline: (() => void) | undefined;
  #problem: string | undefined = "the Lease has not been read yet";
  #loggedAt: number | undefined;

  /** Takes part from now on. */
  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#times = { ...ELECTION_TIMES, ...options.times };
    this.#running = this.#run();
  }

  /**
   * Whether this replica may act at this moment; to be asked before each side effect, in the same turn of the event loop. A
   * process that was stopped for a while learns it here first.
   */
  isLeading(): boolean {
    if (this.#renewedAt === undefined) return false;
    if (this.#options.clock.now() - this.#renewedAt < this.#times.renewDeadlineMs) return true;
    this.#lose("the Lease could not be renewed in time");
    return false;
  }

  /** Whether the Lease, as it was just read while this replica led, says that it does. */
  confirm(lease: Lease | undefined): boolean {
    const holder = lease === undefined ? "" : holderOf(lease);
    if (holder !== "" && holder !== this.#options.identity) this.#lose(`the Lease was taken by ${holder}`);
    return holder === this.#options.identity && this.isLeading();
  }

  /** Who holds the Lease, as far as it is known. */
  get holder(): string | undefined {
    return this.#seen && holderOf(this.#seen.lease);
  }

  /** Looks at the Lease now: whoever holds it may just have gone. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Why the Lease could not be read or written the last time it was tried; undefined when it could. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Leads no more, then gives the Lease back, so that another replica can take over at once.
   *
   * @param drain resolves when nothing that runs here writes any more; the Lease is kept until then
   */
  async stop(drain: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    this.#abort.abort();
    this.#hurry.abort();
    this.#lose("this replica stops");
    await drain();
    await this.#running;
    await this.#release();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopping) {
      const waitMs = await this.#attempt();
      // Whole milliseconds, as a fraction that the clock cannot tell from nothing would make a loop that never waits.
      if (waitMs > 0) await pause(clock, Math.ceil(waitMs), this.#hurry.signal);
      if (this.#hurry.signal.aborted && !this.#stopping) this.#hurry = new AbortController();
    }
  }

  get #stopping(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Takes, renews or only looks at the Lease; answers how long to wait before the next attempt. Never throws. */
  async #attempt(): Promise<number> {
    const { clock, leases, lease: ref } = this.#options;
    const { retryMs, renewEveryMs } = this.#times;
    // Spread, so that replicas that started together do not ask together.
    const nextAt = clock.now() + retryMs * (0.8 + 0.4 * clock.random());
    const known = this.#held;
    // Until the answer is here nobody knows what the Lease says.
    this.#held = undefined;
    try {
      const lease = known ?? (await this.#inTime(leases.get<Lease>(RESOURCES.leases, ref)));
      if (known === undefined) {
        const othersMs = this.#observe(lease);
        this.#worked();
        if (othersMs > 0) return Math.min(nextAt - clock.now(), othersMs);
      }
      if (this.#stopping) return 0;
      const sentAt = clock.now();
      const besideMs = this.#besideMs(lease);
      this.#held = await this.#write(lease, this.#claim(lease));
      this.#worked();
      this.#lead(sentAt, besideMs);
      return sentAt + renewEveryMs * (0.9 + 0.1 * clock.random()) - clock.now();
    } catch (error) {
      // Somebody wrote in between, perhaps ourselves with a write whose answer was lost: look at once who it was.
      if (known !== undefined && error instanceof KubeError && error.status === 409) return 0;
      this.#failed(error);
      return nextAt - clock.now();
    }
  }

  /** Notes what the Lease says; answers for how long it still is somebody else's, 0 when it can be ours. */
  #observe(lease: Lease | undefined): number {
    const { clock, identity, log } = this.#options;
    if (lease !== undefined && lease.metadata.resourceVersion !== this.#seen?.lease.metadata.resourceVersion) {
      const before = this.#seen && holderOf(this.#seen.lease);
      const holder = holderOf(lease);
      this.#seen = { lease, at: clock.now() };
      if (holder !== before && holder !== "" && holder !== identity) log("info", "another replica leads", { holder });
    }
    // A Lease that somebody deleted protects whom we saw hold it as if it were still there.
    if (this.#seen === undefined) return 0;
    const holder = holderOf(this.#seen.lease);
    if (holder === "" || holder === identity) return 0;
    if (this.#renewedAt !== undefined) this.#lose(`the Lease was taken by ${holder}`);
    if (this.#options.isGone?.(holder) === true) return 0;
    return Math.max(0, this.#endsAt(this.#seen) - clock.now());
  }

  /** When a Lease that nobody renews is its holder's no more, by its own word if that is longer than ours. */
  #endsAt({ lease, at }: Seen): number {
    const seconds = lease.spec?.leaseDurationSeconds ?? 0;
    return at + Math.max(this.#times.leaseMs, Math.min(seconds * 1000, LONGEST_LEASE_MS));
  }

  /**
   * For how long whoever held the Lease may act though it is ours from now on: where it did not end by itself and was not given back,
   * because somebody emptied it, or its holder was wrongly taken for gone.
   */
  #besideMs(lease: Lease | undefined): number {
    if (lease === undefined || holderOf(lease) === this.#options.identity) return 0;
    const givenBack = holderOf(lease) === "" && lease.spec?.leaseDurationSeconds === RELEASED_SECONDS;
    const endsAt = this.#seen === undefined ? -Infinity : this.#endsAt(this.#seen);
    const ended = holderOf(lease) !== "" && this.#options.clock.now() >= endsAt;
    return givenBack || ended ? 0 : this.#times.leaseMs;
  }

  /** The Lease as it says that we hold it. The times in it are for people: nothing here reads them. */
  #claim(lease: Lease | undefined): Lease {
    const { clock, identity, lease: ref } = this.#options;
    const renewTime = microTime(clock);
    const ours = lease !== undefined && holderOf(lease) === identity;
    const transitions = lease?.spec?.leaseTransitions ?? 0;
    return {
      ...lease,
      metadata: lease?.metadata ?? ref,
      spec: {
        ...lease?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1000),
        renewTime,
        acquireTime: ours ? (lease.spec?.acquireTime ?? renewTime) : renewTime,
        leaseTransitions: lease === undefined || ours ? transitions : (transitions % MOST_TRANSITIONS) + 1,
      },
    };
  }

  async #write(before: Lease | undefined, after: Lease): Promise<Lease> {
    const { leases, clock } = this.#options;
    const resource = RESOURCES.leases;
    this.#wrote = true;
    const request = before === undefined ? leases.create(resource, after) : leases.replace(resource, after);
    const written = await this.#inTime(request);
    this.#seen = { lease: written, at: clock.now() };
    return written;
  }

  /** A request that hangs must not use up the time for a second one. */
  #inTime<T>(request: Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const { attemptMs } = this.#times;
    return new Promise((resolve, reject) => {
      const late = new KubeError(0, "Timeout", `the Lease: no answer within ${attemptMs} ms`);
      const cancel = clock.after(attemptMs, () => reject(late));
      void request.then(resolve, reject).finally(cancel);
    });
  }

  #lead(sentAt: number, besideMs: number): void {
    const { clock, log, identity, onStarted } = this.#options;
    // An answer that came so late says nothing about now.
    if (this.#stopping || clock.now() - sentAt >= this.#times.renewDeadlineMs) return;
    const began = this.#renewedAt === undefined;
    this.#renewedAt = sentAt;
    this.#watchDeadline();
    if (!began) return;
    log("info", "this replica leads", { identity });
    onStarted(besideMs);
  }

  #watchDeadline(): void {
    this.#cancelDeadline?.();
    if (this.#renewedAt === undefined) return;
    const { clock } = this.#options;
    const leftMs = this.#renewedAt + this.#times.renewDeadlineMs - clock.now();
    this.#cancelDeadline = clock.after(Math.max(1, Math.ceil(leftMs)), () => {
      // What was left has been rounded.
      if (this.isLeading()) this.#watchDeadline();
    });
  }

  #lose(why: string): void {
    if (this.#renewedAt === undefined) return;
    this.#renewedAt = undefined;
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    const { log, onStopped } = this.#options;
    log(this.#stopping ? "info" : "warn", "this replica leads no more", { why });
    onStopped();
  }

  async #release(): Promise<void> {
    const { leases, lease: ref, identity, log, clock } = this.#options;
    if (!this.#wrote) return;
    try {
      const lease = this.#held ?? (await this.#inTime(leases.get<Lease>(RESOURCES.leases, ref)));
      this.#held = undefined;
      if (lease === undefined || holderOf(lease) !== identity) return;
      const spec = {
        ...lease.spec,
        holderIdentity: "",
        leaseDurationSeconds: RELEASED_SECONDS,
        renewTime: microTime(clock),
      };
      await this.#write(lease, { ...lease, spec });
    } catch (error) {
      log("warn", "the Lease could not be given back; it ends by itself", { error, ms: this.#times.leaseMs });
    }
  }

  #worked(): void {
    this.#problem = undefined;
    this.#loggedAt = undefined;
  }

  #failed(error: unknown): void {
    if (this.#stopping) return;
    const { clock, log } = this.#options;
    this.#problem = `the Lease cannot be read or written: ${errorText(error)}`;
    // Every half second would drown everything else.
    if (this.#loggedAt !== undefined && clock.now() - this.#loggedAt < LOG_AGAIN_MS) return;
    this.#loggedAt = clock.now();
    log("warn", "the Lease could not be read or written", { error });
  }
}

const holderOf = (lease: Lease): string => lease.spec?.holderIdentity ?? "";
