// What the controller knows of nodes besides their objects: the verdict of the heartbeats, and since when Kubernetes has called
// a node not Ready.
import type { Node } from "../../../lib/model/kubernetes";
import { isCordoned } from "../../../lib/model/node-health";
import type { Clock } from "../kube/api";
import type { NodeView } from "./handover";
import { isNodeReady, isNodeSilent, nodeAddress, nodeReadySince } from "./projections";

/** So long a node counts as heard of which the heartbeats know nothing yet: longer than their first questions take. */
const FIRST_WORD_MS = 3_000;

/**
 * So long a node whose object was deleted while it was heard may still have addresses: longer than it needs to let go of them where
 * the controller is late to see the deletion, and than a node is waited for.
 */
const REMOVED_MS = 10_000;

/** Whether the heartbeats have heard a node lately; undefined where they cannot know yet. */
export type Hearing = (nodeName: string) => boolean | undefined;

export class NodeStates {
  /** By the verdict of the heartbeats, which knows nothing of Kubernetes' own. */
  readonly #lost = new Set<string>();
  /** On our clock. */
  readonly #unreadySince = new Map<string, number>();
  /** On our clock: since when Kubernetes hears a node, as far as it is known; Infinity while it does not. */
  readonly #backSince = new Map<string, number>();

  /** Without heartbeats no node is heard. */
  #hears: Hearing = () => false;
  /** On our clock: since when it was asked in vain what they know. */
  readonly #unknownSince = new Map<string, number>();
  /** Nodes that were deleted while they were heard, as they were. */
  readonly #removed = new Map<string, { readonly node: Node; readonly at: number; readonly forget: () => void }>();

  /** @param onForgotten a node that was removed does not count as there any more */
  constructor(
    private readonly clock: Clock,
    private readonly onForgotten: (name: string) => void,
  ) {}

  listen(hears: Hearing): void {
    this.#hears = hears;
  }

  /** Nodes that do not answer. */
  get lost(): ReadonlySet<string> {
    return this.#lost;
  }

  /** @returns false when that was known */
  setLost(name: string, lost: boolean): boolean {
    if (this.#lost.has(name) === lost) return false;
    if (lost) this.#lost.add(name);
    else this.#lost.delete(name);
    return true;
  }

  /**
   * @param node as it is now; undefined when it is gone
   * @param old as it was before, if it was there
   */
  note(name: string, node: Node | undefined, old?: Node): void {
    this.#removed.get(name)?.forget();
    if (node === undefined) {
      // Somebody deletes the object, and the machine may run on. In a cloud the machine goes first, and is not heard by then.
      if (old !== undefined && !this.#lost.has(name) && this.#hears(name) === true) this.#remove(old);
      for (const times of [this.#unknownSince, this.#backSince, this.#unreadySince]) times.delete(name);
      return;
    }
    if (isNodeSilent(node)) this.#backSince.set(name, Infinity);
    else if (this.#backSince.get(name) === Infinity) this.#backSince.set(name, this.clock.now());
    else if (!this.#backSince.has(name)) this.#backSince.set(name, this.#sinceBefore(node));
    if (isNodeReady(node)) this.#unreadySince.delete(name);
    else if (!this.#unreadySince.has(name)) this.#unreadySince.set(name, this.clock.now());
  }

  /** Whoever has just started has not seen a node come back; the node's own clock, which may be ahead, says when it became what it is. */
  #sinceBefore(node: Node): number {
    const agoMs = this.clock.wallTime() - nodeReadySince(node);
    return Number.isNaN(agoMs) ? -Infinity : this.clock.now() - Math.max(0, agoMs);
  }

  view(node: Node): NodeView {
    const { name } = node.metadata;
    const since = this.#unreadySince.get(name);
    const backSince = this.#backSince.get(name);
    return {
      address: nodeAddress(node) ?? "",
      ready: since === undefined,
      unreadyMs: since === undefined ? 0 : this.clock.now() - since,
      ...(backSince !== undefined && { backMs: Math.max(0, this.clock.now() - backSince) }),
      lost: this.#lost.has(name),
      heard: this.#heard(name),
      cordoned: isCordoned(node),
    };
  }

  /** A node that was deleted a moment ago while it was heard. */
  removed(name: string): NodeView | undefined {
    const found = this.#removed.get(name);
    return found && { ...this.view(found.node), ready: false, unreadyMs: this.clock.now() - found.at };
  }

  *removedNodes(): Iterable<Node> {
    for (const { node } of this.#removed.values()) yield node;
  }

  stop(): void {
    for (const { forget } of this.#removed.values()) forget();
  }

  #remove(node: Node): void {
    const { name } = node.metadata;
    const cancel = this.clock.after(REMOVED_MS, () => {
      forget();
      this.onForgotten(name);
    });
    const forget = (): void => {
      cancel();
      this.#removed.delete(name);
    };
    this.#removed.set(name, { node, at: this.clock.now(), forget });
  }

  /** A controller that has just started takes nothing from a node that it had no time to ask. */
  #heard(name: string): boolean {
    const heard = this.#hears(name);
    if (heard !== undefined) {
      this.#unknownSince.delete(name);
      return heard;
    }
    const now = this.clock.now();
    const since = this.#unknownSince.get(name) ?? now;
    this.#unknownSince.set(name, since);
    return now - since < FIRST_WORD_MS;
  }
}
