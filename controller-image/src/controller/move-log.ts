// When each address last changed hands, from what the API server says: a standby hears it too, so that it goes on where a
// leader before it ended. A process that starts knows of no move.
import type { AddressBinding } from "../../../lib/model/binding";
import { MOVE_WINDOW_MS, type PastMove } from "../../../lib/model/damping";
import type { Clock } from "../kube/api";

interface Entry {
  readonly bindingUid?: string;
  readonly epoch: number;
  /** The last Pod that had it; it stays here while nobody has it. */
  readonly ownerUid?: string;
  readonly ownerNode?: string;
  readonly moves: readonly { readonly at: number; readonly fromUid: string; readonly lost: boolean }[];
}

/** More of them in one window change nothing. */
const KEPT_MOVES = 16;

export class MoveLog {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly isLost: (nodeName: string) => boolean,
  ) {}

  /** Takes note of a version of a binding; versions may come twice and late. */
  saw({ metadata: { uid }, spec }: AddressBinding): void {
    const { address, epoch, owner, nodeName } = spec;
    const before = this.#entries.get(address);
    const known = before?.bindingUid === uid ? before : undefined;
    if (known !== undefined && epoch <= known.epoch) return;
    const moves = this.#recent(known);
    const { ownerUid, ownerNode = "" } = known ?? {};
    const moved = owner !== undefined && ownerUid !== undefined && owner.podUid !== ownerUid;
    const move = moved ? [{ at: this.clock.now(), fromUid: ownerUid, lost: this.isLost(ownerNode) }] : [];
    this.#entries.set(address, {
      bindingUid: uid,
      epoch,
      ownerUid: owner?.podUid ?? ownerUid,
      ownerNode: owner === undefined ? ownerNode : nodeName,
      moves: [...moves, ...move].slice(-KEPT_MOVES),
    });
  }

  /** The binding is gone. */
  forget(address: string): void {
    this.#entries.delete(address);
  }

  /** The moves that still count, oldest first. */
  of(address: string): readonly PastMove[] {
    const now = this.clock.now();
    return this.#recent(this.#entries.get(address)).map(({ at, fromUid, lost }) => ({
      agoMs: now - at,
      fromUid,
      lost,
    }));
  }

  #recent(entry: Entry | undefined): Entry["moves"] {
    const now = this.clock.now();
    return entry?.moves.filter(({ at }) => now - at < MOVE_WINDOW_MS) ?? [];
  }
}
