// When each address last changed hands, from what the API server says: a standby hears it too, so that it goes on where a
// leader before it ended. A process that starts knows of no move.
import type { AddressBinding } from "../../../lib/model/binding";
import { MOVE_WINDOW_MS, type PastMove } from "../../../lib/model/damping";
import type { Clock } from "../kube/api";

interface LoggedMove extends Omit<PastMove, "agoMs"> {
  readonly at: number;
  readonly epoch: number;
}

interface Entry {
  readonly bindingUid?: string;
  readonly epoch: number;
  /** The last Pod that had it; it stays here while nobody has it. */
  readonly last?: { readonly podUid: string; readonly nodeName: string };
  /** Nobody has it: the last one could not serve. */
  readonly free: boolean;
  readonly moves: readonly LoggedMove[];
}

/** More of them in one window change nothing. */
const KEPT_MOVES = 16;

export class MoveLog {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly isLost: (nodeName: string) => boolean,
  ) {}

  /**
   * Takes note of a version of a binding; versions may come twice and late.
   *
   * @param failed the Pod that had the address before could not serve any more; only who decided so knows
   */
  saw({ metadata: { uid }, spec }: AddressBinding, failed = false): void {
    const { address, epoch, owner, nodeName } = spec;
    const before = this.#entries.get(address);
    const known = before?.bindingUid === uid ? before : undefined;
    if (known !== undefined && epoch <= known.epoch) {
      // The watch was faster than the answer to our own write.
      if (failed) this.#entries.set(address, { ...known, moves: known.moves.map((one) => failedAt(one, epoch)) });
      return;
    }
    const from = known?.last;
    const moved = owner !== undefined && from !== undefined && owner.podUid !== from.podUid;
    const move = moved && {
      at: this.clock.now(),
      epoch,
      fromUid: from.podUid,
      lost: this.isLost(from.nodeName),
      failed: failed || known?.free === true,
    };
    this.#entries.set(address, {
      bindingUid: uid,
      epoch,
      last: owner === undefined ? from : { podUid: owner.podUid, nodeName },
      free: owner === undefined,
      moves: [...this.#recent(known), ...(move ? [move] : [])].slice(-KEPT_MOVES),
    });
  }

  /** The binding is gone. */
  forget(address: string): void {
    this.#entries.delete(address);
  }

  /** The moves that still count, oldest first. */
  of(address: string): readonly PastMove[] {
    const now = this.clock.now();
    return this.#recent(this.#entries.get(address)).map(({ at, fromUid, lost, failed }) => {
      return { agoMs: now - at, fromUid, lost, failed };
    });
  }

  #recent(entry: Entry | undefined): Entry["moves"] {
    const now = this.clock.now();
    return entry?.moves.filter(({ at }) => now - at < MOVE_WINDOW_MS) ?? [];
  }
}

const failedAt = (move: LoggedMove, epoch: number): LoggedMove =>
  move.epoch === epoch ? { ...move, failed: true } : move;
