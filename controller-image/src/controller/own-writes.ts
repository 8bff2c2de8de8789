// What this process has written and its watch has not shown yet: it counts at once. A server that was restored from a backup may
// have lost it, and no watch ever shows it then; so what is not shown for long is asked for.
import type { KubeObject, Resource } from "../../../lib/model/kubernetes";
import type { Clock, Kube } from "../kube/api";
import { versionOf } from "./keys";

export interface OwnWritesOptions<T> {
  readonly clock: Clock;
  readonly kube: Pick<Kube, "get">;
  readonly resource: Resource;
  readonly decode: (object: T) => T;
  /** What the watch has shown. */
  readonly cached: (key: string) => T | undefined;
  /** The server has something else than was written. */
  readonly onCorrected: (key: string, before: T) => void;
}

interface Written<T> {
  readonly object: T;
  readonly at: number;
  /** The server had no such object; one that has just started says so of each. */
  readonly missing?: true;
}

/** A watch is behind by less, or is broken. */
const PATIENCE_MS = 10_000;

export class OwnWrites<T extends KubeObject> {
  readonly #written = new Map<string, Written<T>>();
  #cancel: (() => void) | undefined;

  constructor(private readonly options: OwnWritesOptions<T>) {}

  get(key: string): T | undefined {
    return this.#written.get(key)?.object;
  }

  set(key: string, object: T): void {
    this.#written.set(key, { object, at: this.options.clock.now() });
    this.#schedule();
  }

  delete(key: string): void {
    this.#written.delete(key);
  }

  stop(): void {
    this.#written.clear();
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel ??= this.options.clock.after(PATIENCE_MS, () => void this.#checkDue());
  }

  async #checkDue(): Promise<void> {
    const due = this.options.clock.now() - PATIENCE_MS;
    for (const [key, written] of [...this.#written]) {
      // One after the other: where a watch is behind with everything, the server has enough to do.
      if (written.at <= due && this.#written.get(key) === written) await this.#check(key, written);
    }
    this.#cancel = undefined;
    if (this.#written.size > 0) this.#schedule();
  }

  async #check(key: string, written: Written<T>): Promise<void> {
    const { cached, clock, onCorrected } = this.options;
    let found: T | undefined;
    try {
      found = await this.#ask(written.object);
    } catch {
      // It cannot be asked, so nothing is known; the next time, then.
      return;
    }
    if (this.#written.get(key) !== written) return;
    const at = clock.now();
    const { object } = written;
    if (found === undefined && written.missing !== true) {
      this.#written.set(key, { object, at, missing: true });
      return;
    }
    const shown = cached(key);
    if (found !== undefined && (shown === undefined || versionOf(found) > versionOf(shown))) {
      this.#written.set(key, { object: found, at });
    } else this.#written.delete(key);
    if (found?.metadata.resourceVersion !== object.metadata.resourceVersion) onCorrected(key, object);
  }

  /** What the server has. */
  async #ask({ metadata: { namespace, name } }: T): Promise<T | undefined> {
    const { kube, resource, decode } = this.options;
    const found = await kube.get<T>(resource, { namespace, name });
    return found && decode(found);
  }
}
