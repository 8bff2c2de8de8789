// Who does what when: the steps of all routes, most urgent first, none twice at a time and none while another one changes the
// same thing; what failed is tried again, later and later. A step that is under way holds up nothing else of its route.
import { ceilingMs } from "../../kube/backoff";
import type { Clock, Log } from "../../kube/api";
import { LANES, type QueueLane } from "../../kube/queue";
import type { CloudProblem } from "../cloud";
import { changesOf, identityOf, isRead, type Call, type Plan, type Step } from "./plan";
import { pathOf } from "./refs";

export interface WorksOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What is to be done for a route now. */
  readonly plan: (uid: string) => Plan;
  readonly perform: (call: Call, urgent: boolean) => Promise<void>;
  readonly problemOf: (error: unknown, call: Call) => CloudProblem;
  /** Whether it is in order that this fails now and then, as when two write at the same time. */
  readonly isPassing: (error: unknown) => boolean;
  /** The route has been planned, or a step of it has ended. */
  readonly onProgress: (uid: string, problems: readonly CloudProblem[]) => void;
  readonly onDone?: (call: Call, milliseconds: number, error?: unknown) => void;
}

interface Failure {
  readonly failures: number;
  readonly until: number;
  readonly problem: CloudProblem | undefined;
}

/** Steps under way at a time; the client has a limit of its own, and what waits there can no longer be overtaken. */
const MOST: Readonly<Record<QueueLane, number>> = { failover: 128, move: 16, housekeeping: 8 };
const PASSING_BACKOFF = { firstMs: 500, maxMs: 30_000 };
const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
/** What may pass is nobody's concern until it has failed so often in a row. */
const PASSING_FAILURES = 4;
/** What has not been tried for so long has been given up by whoever wanted it. */
const FORGOTTEN_MS = 10 * 60_000;

export class Works {
  readonly #dirty: Readonly<Record<QueueLane, Set<string>>> = {
    failover: new Set(),
    move: new Set(),
    housekeeping: new Set(),
  };
  readonly #underWay: Record<QueueLane, number> = { failover: 0, move: 0, housekeeping: 0 };
  /** By key: who waits for it. */
  readonly #busy = new Map<string, Map<string, QueueLane>>();
  /** By path: calls under way. */
  readonly #touched = new Map<string, number>();
  /** By route: calls under way. */
  readonly #active = new Map<string, number>();
  readonly #failed = new Map<string, Failure>();
  readonly #wakes = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  readonly #running = new Set<Promise<void>>();
  #pumping = false;
  #ended = false;

  constructor(private readonly options: WorksOptions) {}

  /** Something about the route is otherwise than it was. */
  touch(uid: string, lane: QueueLane): void {
    if (this.#ended) return;
    for (const other of LANES) {
      if (other !== lane && this.#dirty[other].has(uid)) {
        if (LANES.indexOf(other) < LANES.indexOf(lane)) return;
        this.#dirty[other].delete(uid);
      }
    }
    this.#dirty[lane].add(uid);
    this.#pumpSoon();
  }

  /** Whether a call is under way that changes what is at this path, or belongs to it. */
  isChanging(path: string): boolean {
    return this.#touched.has(path);
  }

  isActive(uid: string): boolean {
    return this.#active.has(uid);
  }

  /** Begins nothing more, and resolves when what is under way has ended. */
  end(): Promise<void> {
    this.#ended = true;
    for (const { cancel } of this.#wakes.values()) cancel();
    this.#wakes.clear();
    for (const lane of LANES) this.#dirty[lane].clear();
    return Promise.all(this.#running).then(() => undefined);
  }

  /** Drops what is known of failures that nobody has repeated. */
  tidy(): void {
    const now = this.options.clock.now();
    for (const [identity, { until }] of this.#failed) {
      if (until < now - FORGOTTEN_MS) this.#failed.delete(identity);
    }
  }

  /** In a microtask, so that everything that one event touches is sorted by urgency first. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      for (let uid = this.#next(); uid !== undefined && !this.#ended; uid = this.#next()) this.#turn(uid);
    });
  }

  #next(): string | undefined {
    for (const lane of LANES) {
      if (!this.#hasRoom(lane)) continue;
      const [uid] = this.#dirty[lane];
      if (uid === undefined) continue;
      this.#dirty[lane].delete(uid);
      return uid;
    }
    return undefined;
  }

  #hasRoom(lane: QueueLane): boolean {
    return this.#underWay[lane] < MOST[lane];
  }

  #turn(uid: string): void {
    const { clock, plan, onProgress } = this.options;
    const { steps, problems, wakeMs } = plan(uid);
    const failed: CloudProblem[] = [];
    let againMs = wakeMs ?? Infinity;
    for (const step of steps) {
      const failure = this.#failed.get(identityOf(step.call));
      // What nobody waits for is in the log alone: a node that cannot be prepared is no fault of a route that leads elsewhere.
      if (failure?.problem !== undefined && step.lane !== "housekeeping") failed.push(failure.problem);
      const waitMs = (failure?.until ?? 0) - clock.now();
      if (waitMs > 0) againMs = Math.min(againMs, waitMs);
      else this.#begin(uid, step);
    }
    if (againMs < Infinity) this.#wake(uid, againMs);
    onProgress(uid, [...failed, ...problems]);
  }

  #begin(uid: string, step: Step): void {
    const keys = [...changesOf(step.call), ...(step.needs ?? [])];
    const busy = keys.filter((key) => this.#busy.has(key));
    for (const key of busy) this.#busy.get(key)?.set(uid, step.lane);
    if (busy.length > 0) return;
    if (!this.#hasRoom(step.lane)) {
      this.#dirty[step.lane].add(uid);
      return;
    }
    const running = this.#run(uid, step).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #run(uid: string, step: Step): Promise<void> {
    const { clock, perform, onDone } = this.options;
    const { call, lane } = step;
    const keys = changesOf(call);
    for (const key of keys) this.#busy.set(key, new Map([[uid, lane]]));
    const path = "at" in call ? pathOf(call.at) : call.verb;
    count(this.#touched, path, 1);
    count(this.#active, uid, 1);
    this.#underWay[lane]++;
    const began = clock.now();
    let failure: unknown;
    try {
      await perform(call, lane === "failover");
      this.#failed.delete(identityOf(call));
    } catch (error) {
      failure = error;
      if (!this.#ended) this.#fail(uid, call, error);
    }
    this.#underWay[lane]--;
    count(this.#touched, path, -1);
    count(this.#active, uid, -1);
    if (!isRead(call)) onDone?.(call, clock.now() - began, failure);
    for (const key of keys) {
      const waiting = this.#busy.get(key);
      this.#busy.delete(key);
      waiting?.forEach((other, waiter) => this.touch(waiter, other));
    }
    this.#pumpSoon();
  }

  #fail(uid: string, call: Call, error: unknown): void {
    const { clock, log, isPassing, problemOf } = this.options;
    const identity = identityOf(call);
    const before = this.#failed.get(identity)?.failures ?? 0;
    const passing = isPassing(error);
    const ceiling = ceilingMs(passing ? PASSING_BACKOFF : BACKOFF, passing ? before - 1 : before);
    // What was only overtaken is tried again at once, on what is there now.
    const waitMs = passing && before === 0 ? 0 : ceiling / 2 + (clock.random() * ceiling) / 2;
    const problem = passing && before < PASSING_FAILURES ? undefined : problemOf(error, call);
    this.#failed.set(identity, { failures: before + 1, until: clock.now() + waitMs, problem });
    const retryMs = Math.round(waitMs);
    log(problem === undefined ? "debug" : "warn", "a step in the cloud failed, will be tried again", {
      step: call.verb,
      ...("at" in call && { resource: pathOf(call.at) }),
      route: uid,
      error,
      retryMs,
    });
  }

  #wake(uid: string, ms: number): void {
    const { clock } = this.options;
    const at = clock.now() + ms;
    const present = this.#wakes.get(uid);
    if (present !== undefined && present.at <= at) return;
    present?.cancel();
    const cancel = clock.after(ms, () => {
      this.#wakes.delete(uid);
      this.touch(uid, "move");
    });
    this.#wakes.set(uid, { at, cancel });
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}
