// The Pods that routes may select, as one collection: one watch for each label that routes ask for, and one for every Pod where
// labels do not tell. What is watched grows with the routes and never shrinks, so that no route ever loses sight of a Pod.
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf, RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import type { Change, Kube, Reflector } from "../kube/api";
import { after, versionOf } from "./keys";
import { decodePod, podPacking } from "./pod-record";
import { EVERY_POD, includes, labelSelectorOf, needOf, union, type Values } from "./pod-scope";
import { projectPod } from "./projections";

export interface PodWatchOptions {
  readonly kube: Pick<Kube, "reflect">;
  readonly onChange: (change: Change<Pod>) => void;
  /** Called once: the Pods of every route that was there at the beginning are known. */
  readonly onSynced: () => void;
  /** Pods of more routes are known than before. */
  readonly onCovered: () => void;
}

/** Each is a request that stays open. */
const MOST_LABELS = 16;

interface Watch {
  readonly values: Values;
  /** Absent only while it is being made. */
  reflector?: Reflector<Pod>;
}

/** One label. */
interface Term {
  wanted: Values;
  /** Complete. */
  current?: Watch;
  /** Wider; takes its place once it is complete. */
  next?: Watch;
}

export class PodWatch {
  readonly #options: PodWatchOptions;
  readonly #terms = new Map<string, Term>();
  readonly #watches = new Set<Watch>();
  /** Pods that one watch has lost and another one shows as they were before: nobody may see them go back. */
  readonly #held = new Map<string, Pod>();
  #begun = false;
  #synced = false;

  constructor(options: PodWatchOptions) {
    this.#options = options;
  }

  /** Whether the Pods of every route that was there at the beginning are known; it stays so. */
  get synced(): boolean {
    return this.#synced;
  }

  get lastError(): string | undefined {
    for (const { reflector } of this.#watches) if (reflector?.lastError !== undefined) return reflector.lastError;
    return undefined;
  }

  /** Of the watch that has been silent the longest. */
  get heardAt(): number | undefined {
    const heard = [...this.#watches].flatMap(({ reflector }) => reflector?.heardAt ?? []);
    return heard.length === 0 ? undefined : Math.min(...heard);
  }

  /** Whether a Pod that is not here is nowhere. */
  get seesEveryPod(): boolean {
    return this.#terms.get(EVERY_POD)?.current !== undefined;
  }

  get(key: string): Pod | undefined {
    return newest(this.#held.get(key), ...this.#copies(key));
  }

  /** The Pods of the route have to be known. */
  need({ spec }: GKEIPRoute): void {
    const need = needOf(spec.podSelector);
    if (need === undefined) return;
    const tooMany = !this.#terms.has(need.key) && this.#terms.size >= MOST_LABELS;
    const { key, values } = tooMany ? { key: EVERY_POD, values: "any" as const } : need;
    const term: Term = this.#terms.get(key) ?? { wanted: values };
    term.wanted = union(term.wanted, values);
    this.#terms.set(key, term);
    if (this.#begun) this.#widen(key, term);
  }

  /** Every route that is there has been told to {@link need}. */
  begin(): void {
    this.#begun = true;
    for (const [key, term] of [...this.#terms]) this.#widen(key, term);
    this.#look();
  }

  /** Whether the Pods of the route are known. */
  covers({ spec }: GKEIPRoute): boolean {
    const need = needOf(spec.podSelector);
    if (need === undefined || this.seesEveryPod) return true;
    const current = this.#terms.get(need.key)?.current;
    return current !== undefined && includes(current.values, need.values);
  }

  stop(): void {
    for (const { reflector } of this.#watches) reflector?.stop();
  }

  #widen(key: string, term: Term): void {
    const { wanted, current, next } = term;
    // What more is wanted meanwhile is told when the next one is complete.
    if (next !== undefined || this.seesEveryPod || (current !== undefined && includes(current.values, wanted))) return;
    const watch: Watch = { values: wanted };
    term.next = watch;
    this.#watches.add(watch);
    watch.reflector = this.#options.kube.reflect<Pod>({
      resource: RESOURCES.pods,
      labelSelector: labelSelectorOf({ key, values: wanted }),
      project: projectPod,
      decode: decodePod,
      packing: podPacking(),
      onChange: (change) => this.#onChange(watch, change),
      onRewound: () => this.#letGoOfHeld(),
      onSynced: () => this.#onComplete(key, term, watch),
    });
  }

  #onComplete(key: string, term: Term, watch: Watch): void {
    const former = term.current;
    term.current = watch;
    term.next = undefined;
    if (former !== undefined) this.#drop(former);
    if (key === EVERY_POD) {
      const others = [...this.#watches].filter((other) => other !== watch);
      this.#terms.clear();
      this.#terms.set(key, term);
      for (const other of others) this.#drop(other);
    } else this.#widen(key, term);
    this.#look();
    this.#options.onCovered();
  }

  #drop(watch: Watch): void {
    const { reflector } = watch;
    this.#watches.delete(watch);
    reflector?.stop();
    for (const old of reflector?.values() ?? []) this.#onChange(watch, { type: "delete", key: keyOf(old), old });
  }

  #look(): void {
    const isComplete = this.seesEveryPod || [...this.#terms.values()].every(({ current }) => current !== undefined);
    if (this.#synced || !this.#begun || !isComplete) return;
    this.#synced = true;
    this.#options.onSynced();
  }

  /** What the watches have of a Pod, but for one of them. */
  #copies(key: string, but?: Watch): Pod[] {
    const copies: Pod[] = [];
    for (const watch of this.#watches) {
      const pod = watch === but ? undefined : watch.reflector?.get(key);
      if (pod !== undefined) copies.push(pod);
    }
    return copies;
  }

  /** A Pod is gone when no watch has it, and is as whoever is ahead of the others has told. */
  #onChange(from: Watch, change: Change<Pod>): void {
    if (this.#watches.size === 1 && this.#watches.has(from) && this.#held.size === 0)
      return this.#options.onChange(change);
    const { key, old } = change;
    const others = this.#copies(key, from);
    const held = this.#held.get(key);
    const before = newest(held, old, ...others);
    const copy = newest(after(change), ...others);
    const now = copy && (change.type === "delete" ? newest(copy, before) : newest(copy, held));
    if (now === undefined || now === copy) this.#held.delete(key);
    else this.#held.set(key, now);
    // Another watch has the very same.
    if (change.type === "delete" && now !== undefined && before !== undefined && isSame(now, before)) return;
    this.#tell(key, before, now);
  }

  #tell(key: string, before: Pod | undefined, now: Pod | undefined): void {
    const { onChange } = this.#options;
    const same = before?.metadata.uid === now?.metadata.uid;
    if (before !== undefined && (now === undefined || !same)) onChange({ type: "delete", key, old: before });
    if (now !== undefined) onChange({ type: "set", key, object: now, old: same ? before : undefined });
  }

  /** Versions of before say nothing any more. */
  #letGoOfHeld(): void {
    for (const [key, before] of [...this.#held]) {
      this.#held.delete(key);
      this.#tell(key, before, newest(...this.#copies(key)));
    }
  }
}

function isSame({ metadata: one }: Pod, { metadata: other }: Pod): boolean {
  return one.uid === other.uid && one.resourceVersion === other.resourceVersion;
}

/** The first of the newest. */
function newest(...pods: readonly (Pod | undefined)[]): Pod | undefined {
  let found: Pod | undefined;
  for (const pod of pods) {
    if (pod !== undefined && (found === undefined || versionOf(pod) > versionOf(found))) found = pod;
  }
  return found;
}
