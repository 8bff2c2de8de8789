// Machines, the cables between them and time, all of it virtual: an hour passes in a second or two.
import type { Clock } from "../../controller-image/src/kube/api";

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap: the clock of the other suites looks through all timers for the next, and here are thousands. */
class Agenda {
  readonly #heap: Event[] = [];
  #order = 0;

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at, order: this.#order++, run });
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!isSooner(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      child = parent;
    }
  }

  get next(): Event | undefined {
    return this.#heap[0];
  }

  take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return;
    heap[0] = last;
    for (let parent = 0; ;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && isSooner(heap[child]!, heap[least]!)) least = child;
      }
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}

const isSooner = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export interface NetworkOptions {
  readonly seed: number;
  /** Of each datagram, each way. @default 0 */
  readonly loss?: number;
  /** Shortest and longest way. @default [0.1, 1] */
  readonly delayMs?: readonly [number, number];
}

export class VirtualNetwork<T> {
  now = 0;
  sent = 0;
  readonly hosts = new Map<string, Host<T>>();
  /** Which ways are cut, besides what hosts do themselves. */
  cut: (from: string, to: string) => boolean = () => false;
  loss: number;
  readonly #agenda = new Agenda();
  readonly #delay: readonly [number, number];
  #state: number;

  constructor({ seed, loss = 0, delayMs = [0.1, 1] }: NetworkOptions) {
    this.#state = seed >>> 0;
    this.loss = loss;
    this.#delay = delayMs;
  }

  /** mulberry32, as the virtual clock of the other suites has it. */
  readonly random = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  host(address: string): Host<T> {
    const host = new Host<T>(this, address);
    this.hosts.set(address, host);
    return host;
  }

  at(at: number, run: () => void): void {
    this.#agenda.add(Math.max(at, this.now), run);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let next = this.#agenda.next; next !== undefined && next.at <= end; next = this.#agenda.next) {
      this.#agenda.take();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** @returns when it was so; undefined if it was not within the limit */
  runUntil(done: () => boolean, limitMs: number): number | undefined {
    const end = this.now + limitMs;
    while (!done()) {
      const next = this.#agenda.next;
      if (next === undefined || next.at > end) {
        this.now = end;
        return undefined;
      }
      this.#agenda.take();
      this.now = next.at;
      next.run();
    }
    return this.now;
  }

  /** Calls back when something that was sent now is there; never when it is lost. */
  carry(from: string, to: string, arrive: (host: Host<T>) => void): void {
    this.sent++;
    const host = this.hosts.get(to);
    if (host === undefined || this.cut(from, to) || this.random() < this.loss) return;
    const [least, most] = this.#delay;
    this.at(this.now + least + (most - least) * this.random(), () => {
      if (!host.off) arrive(host);
    });
  }
}

/** A machine with one process on it. */
export class Host<T> {
  /** No power. */
  off = false;
  /** What the process does with a datagram. */
  receive: (payload: T, from: string) => void = () => undefined;
  /** The process does nothing until then; with `deaf` its machine does not either, so that nothing is kept for it. */
  pausedUntil = 0;
  deaf = false;
  /** The process is gone; the machine runs. */
  dead = false;

  constructor(
    readonly network: VirtualNetwork<T>,
    readonly address: string,
  ) {}

  /** Time as this process sees it: what falls into a pause comes after it. */
  readonly clock: Clock = {
    now: () => this.network.now,
    wallTime: () => Date.UTC(2026, 0, 1) + this.network.now,
    random: () => this.network.random(),
    after: (ms, callback) => {
      let cancelled = false;
      this.#when(this.network.now + Math.max(ms, 0.01), () => cancelled || callback());
      return () => void (cancelled = true);
    },
  };

  pause(ms: number, deaf = false): void {
    this.pausedUntil = this.network.now + ms;
    this.deaf = deaf;
  }

  send(to: string, payload: T): void {
    if (this.off) return;
    this.network.carry(this.address, to, (host) => {
      if (host.#sleeps && host.deaf) return;
      // Timers come before sockets in the turn after a pause.
      const at = host.#sleeps ? host.pausedUntil + 0.02 : this.network.now;
      host.#when(at, () => host.receive(payload, this.address));
    });
  }

  knock(to: string, onAnswer: () => void): void {
    if (this.off) return;
    this.network.carry(this.address, to, (host) => {
      if (host.#sleeps && host.deaf) return;
      this.network.carry(to, this.address, () => this.#when(this.network.now, onAnswer));
    });
  }

  get #sleeps(): boolean {
    return this.network.now < this.pausedUntil;
  }

  #when(at: number, run: () => void): void {
    this.network.at(at, () => {
      if (this.off || this.dead) return;
      if (this.#sleeps) this.#when(this.pausedUntil, run);
      else run();
    });
  }
}
