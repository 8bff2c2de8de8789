// One process's way to the model API server: requests that take time, get lost, arrive late or lose their answers, and
// watches that lag, start again from a list, or for a while show an older version of a binding.
import {
  KubeError,
  type Change,
  type Kube,
  type ObjectRef,
  type Reflector,
  type ReflectorOptions,
} from "../../controller-image/src/kube/api";
import type { AddressBinding } from "../../lib/model/binding";
import { keyOf, RESOURCES, type KubeObject, type Resource } from "../../lib/model/kubernetes";
import { MemoryKube, type MemoryServer } from "../support/memory-kube";
import type { VirtualClock } from "../support/virtual-clock";
import type { LeaseStore } from "./leases";
import type { SimProcess } from "./process";
import type { Random } from "./random";

/** What befalls one request. `late`: it arrives long after its sender has given up. */
export type RequestFault = "refused" | "throttled" | "conflict" | "request-lost" | "answer-lost" | "late";
export const REQUEST_FAULTS: readonly RequestFault[] = [
  "refused",
  "throttled",
  "conflict",
  "request-lost",
  "answer-lost",
  "late",
];

/** After this time the shipped transport gives a request up. */
const REQUEST_TIMEOUT_MS = 10_000;

/** How much later a late request arrives, at most. */
export const LATEST_MS = 15_000;

export interface SimKubeOptions {
  readonly server: MemoryServer;
  readonly leases: LeaseStore;
  readonly process: SimProcess;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Longest time that one watch event takes. */
  readonly watchDelayMs: number;
  /** Called around each deed at the server, so that commits have an author. */
  readonly as: <R>(author: string, act: () => R) => R;
  /** A request of the process arrived when it had long given it up. */
  readonly onLate: () => void;
  /** A callback of the process threw. */
  readonly onTrouble: (error: unknown) => void;
}

interface View {
  readonly options: ReflectorOptions<KubeObject>;
  readonly inner: Reflector<KubeObject>;
  readonly older: Map<string, KubeObject>;
}

export class SimKube implements Kube {
  /** Extra time that requests take, each way. */
  slowMs = 0;
  /** Taken one by one by the next requests. */
  readonly faults: RequestFault[] = [];
  readonly #options: SimKubeOptions;
  readonly #watches: MemoryKube;
  readonly #views = new Set<View>();
  #connected = true;

  constructor(options: SimKubeOptions) {
    this.#options = options;
    const delivery = { minMs: 1, maxMs: options.watchDelayMs };
    this.#watches = new MemoryKube(options.server, { clock: options.process.clock, delivery });
  }

  set connected(connected: boolean) {
    this.#connected = connected;
    this.#watches.connected = connected;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Events that are on their way. */
  get undelivered(): number {
    return this.#watches.undelivered;
  }

  relist(): void {
    this.#watches.relist();
  }

  close(): void {
    this.#views.clear();
    this.#watches.close();
  }

  reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const older = new Map<string, KubeObject>();
    const guard = (call: () => void): void => {
      // As the shipped reflector does: it logs, and goes on.
      try {
        call();
      } catch (error) {
        this.#options.onTrouble(error);
      }
    };
    const inner = this.#watches.reflect<T>({
      ...options,
      onChange: (change) => {
        if (!older.has(change.key)) guard(() => options.onChange(change));
      },
      onSynced: () => guard(() => options.onSynced?.()),
    });
    const view = { options, inner, older } as unknown as View;
    if (options.resource.plural !== RESOURCES.addressBindings.plural) return inner;
    this.#views.add(view);
    return {
      get synced() {
        return inner.synced;
      },
      get lastError() {
        return inner.lastError;
      },
      get: (key) => (older.get(key) as T | undefined) ?? inner.get(key),
      values: function* () {
        yield* older.values() as IterableIterator<T>;
        for (const object of inner.values()) if (!older.has(keyOf(object))) yield object;
      },
      stop: () => {
        this.#views.delete(view);
        inner.stop();
      },
    };
  }

  /** Shows an older version of a binding that this process knows, as a server restored from a backup would, for a time. */
  showOlder(older: AddressBinding, ms: number): boolean {
    const key = keyOf(older);
    if (![...this.#views].some(({ inner }) => inner.get(key)?.metadata.uid === older.metadata.uid)) return false;
    for (const view of this.#views) {
      if (view.older.has(key) || !matches(view.options.fieldSelector, older)) continue;
      const now = view.inner.get(key);
      view.older.set(key, older);
      view.options.onChange({ type: "set", key, object: older, old: now });
      this.#options.process.clock.after(ms, () => {
        view.older.delete(key);
        const present = view.inner.get(key);
        const change: Change<KubeObject> =
          present === undefined
            ? { type: "delete", key, old: older }
            : { type: "set", key, object: present, old: older };
        if (this.#views.has(view)) view.options.onChange(change);
      });
    }
    return true;
  }

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    if (resource.kind === "Lease") return this.#call(() => this.#options.leases.get() as T | undefined);
    return this.#call((server) => server.get<T>(resource, ref));
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    if (resource.kind === "Lease") return this.#call(() => this.#options.leases.create(object) as T);
    return this.#call((server) => server.create(resource, object));
  }

  replace<T extends KubeObject>(resource: Resource, object: T, subresource?: "status"): Promise<T> {
    if (resource.kind === "Lease") return this.#call(() => this.#options.leases.replace(object) as T);
    return this.#call((server) => server.replace(resource, object, subresource));
  }

  mergePatch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: object, subresource?: "status") {
    return this.#call((server) => server.mergePatch<T>(resource, ref, patch, subresource));
  }

  apply<T extends KubeObject>(resource: Resource, object: T, fieldManager: string, subresource?: "status") {
    return this.#call((server) => server.apply(resource, object, fieldManager, subresource));
  }

  delete(
    resource: Resource,
    ref: ObjectRef,
    preconditions?: { uid?: string; resourceVersion?: string },
  ): Promise<void> {
    return this.#call((server) => server.delete(resource, ref, preconditions));
  }

  #call<R>(deed: (server: MemoryServer) => R): Promise<R> {
    const { process, clock, random, server, as } = this.#options;
    const fault = this.faults.shift();
    const there = random.between(1, 3) + this.slowMs + (fault === "late" ? random.between(1_000, LATEST_MS) : 0);
    return new Promise((resolve, reject) => {
      let ended = false;
      const answer = (after: number, tell: () => void): void => {
        process.clock.after(after, () => {
          if (!ended) tell();
          ended = true;
        });
      };
      const fail = (after: number, error: unknown): void => answer(after, () => reject(error as Error));
      if (there >= REQUEST_TIMEOUT_MS) fail(REQUEST_TIMEOUT_MS, noAnswer("timed out"));
      // What is on the wire arrives even when its sender is dead, paused, or has given up.
      clock.after(there, () => {
        const back = random.between(1, 3) + this.slowMs;
        if (!this.#connected || fault === "request-lost") return fail(back, noAnswer("the connection was lost"));
        if (fault === "refused") return fail(back, new KubeError(500, "InternalError", "the server is out of order"));
        if (fault === "throttled") {
          return fail(back, new KubeError(429, "TooManyRequests", "later", { retryAfterSeconds: 1 }));
        }
        if (fault === "conflict") return fail(back, new KubeError(409, "Conflict", "somebody else was faster"));
        if (there >= REQUEST_TIMEOUT_MS) this.#options.onLate();
        try {
          const result = as(process.name, () => deed(server));
          if (fault === "answer-lost") fail(back, noAnswer("the answer was lost"));
          else answer(back, () => resolve(result));
        } catch (error) {
          fail(back, error);
        }
      });
    });
  }
}

const noAnswer = (text: string): KubeError => new KubeError(0, "ConnectionLost", text);

/** The field selectors that agents use. */
function matches(selector: string | undefined, { spec }: AddressBinding): boolean {
  const [field, value] = (selector ?? "").split("=");
  if (field === "spec.nodeName") return spec.nodeName === value;
  if (field === "spec.releasing.nodeName") return spec.releasing?.nodeName === value;
  if (field === "spec.standby.nodeName") return spec.standby?.nodeName === value;
  return selector === undefined;
}
