// One node in the eyes of a watcher: what was asked of it, what came back, and what others say. Times are attentive ones.
import { type Answer, type Peer, type Report } from "./message";
import { WITNESSED_PROBES } from "./times";

export type NodeState = "unheard" | "answering" | "suspect" | "agent silent" | "lost";

interface Sent {
  readonly nonce: number;
  readonly at: number;
  /** The nodes that it asked about, the first of which answers. */
  readonly asked: readonly string[];
}

/** Older probes are no longer waited for; a node that pauses for the longest time that is forgiven answers within these. */
const MAX_SENT = 64;

export class Watched {
  readonly name: string;
  /** The replica that leads is on it. */
  leads = false;
  /** Of the agent that answered last; undefined before the first answer. */
  boot: number | undefined;
  /** What the next probe must repeat. */
  echo = 0;
  heardAt = Number.NEGATIVE_INFINITY;
  /** When somebody else heard it last, or its kernel answered, since it was heard itself. */
  elsewhereAt = Number.NEGATIVE_INFINITY;
  lastSentAt: number;
  lastKnockAt = Number.NEGATIVE_INFINITY;
  /** Up to which of its former addresses it was told of. */
  told = 0;
  /** When the oldest probe was sent that has no answer though no later one has either. */
  silentSince: number | undefined;
  unanswered = 0;
  lostAt: number | undefined;
  /** Whom the node may ask when it hears nobody, and when they were chosen. */
  peers: readonly Peer[] = [];
  peersAt = Number.NEGATIVE_INFINITY;
  #sent: Sent[] = [];
  readonly #reports = new Map<string, { readonly report: Report; readonly at: number }>();

  constructor(
    readonly peer: Peer,
    public owns: boolean,
    lastSentAt: number,
  ) {
    this.name = peer.name;
    this.lastSentAt = lastSentAt;
  }

  sent(nonce: number, at: number, asked: readonly string[]): void {
    this.lastSentAt = at;
    this.silentSince ??= at;
    this.unanswered++;
    this.#sent.push({ nonce, at, asked });
    if (this.#sent.length > MAX_SENT) this.#sent.shift();
  }

  /** @returns whom the answered probe asked about; undefined when no open probe has this nonce */
  heard(answer: Answer, at: number): readonly string[] | undefined {
    const index = this.#sent.findIndex(({ nonce }) => nonce === answer.echo);
    const answered = this.#sent[index];
    if (answered === undefined) return undefined;
    // An answer says nothing about what was sent later; what was sent before does not matter any more.
    this.#sent.splice(0, index + 1);
    this.silentSince = this.#sent[0]?.at;
    this.unanswered = this.#sent.length;
    this.heardAt = at;
    this.elsewhereAt = Number.NEGATIVE_INFINITY;
    this.echo = answer.nonce;
    this.#reports.clear();
    return answered.asked;
  }

  /** What a witness says of this node. */
  reported(witness: string, report: Report, at: number): void {
    this.#reports.set(witness, { report, at });
    if (report.heardAgoMs !== undefined) this.elsewhere(at - report.heardAgoMs);
  }

  /** What was before this node itself was heard last says nothing about its silence since. */
  elsewhere(at: number): void {
    if (at > this.heardAt) this.elsewhereAt = Math.max(this.elsewhereAt, at);
  }

  silentFor(at: number): number {
    return this.silentSince === undefined ? 0 : at - this.silentSince;
  }

  /** Witnesses that have asked it in vain themselves, by what they said since `since`. */
  witnesses(since: number): string[] {
    return [...this.#reports].flatMap(([name, { report, at }]) =>
      at >= since && report.unanswered >= WITNESSED_PROBES ? name : [],
    );
  }
}
