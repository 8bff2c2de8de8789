// The agent's side of the heartbeats: answers whoever asks for this node, asks others as their witness, and tells who was
// heard. Pure: bytes, sockets and time are the caller's.
import { type Answer, NONCE_BYTES, type Peer, type Probe, type Report } from "./message";

export interface ResponderOptions {
  readonly nodeName: string;
  /** Tells this process from every other. */
  readonly boot: number;
  readonly nonce: () => number;
}

/** A controller that has heard this node lately. */
export interface Contact {
  /** Tells it from every other. */
  readonly from: number;
  /** When this node gave the newest answer that it is known to have heard. */
  readonly provenAt: number;
  readonly intervalMs: number;
  /** Whom this node may ask. */
  readonly peers?: readonly Peer[];
  /** It runs on this very node, so hearing it tells nothing of the world. */
  readonly neighbour: boolean;
}

/** What a message leads to. */
export interface Reaction {
  readonly answer?: Answer;
  /** Nodes to be asked for a controller: probes, and knocks at their kernels. */
  readonly probes: readonly { readonly to: Peer; readonly probe: Probe }[];
  readonly knock: readonly Peer[];
  /** The controller is there now: what it asked shows what it has heard of this node. */
  readonly controller?: Contact;
  /** Another node is there now. */
  readonly peer?: string;
  /** Addresses that are another node's by now. */
  readonly moved?: readonly string[];
}

interface Testimony {
  askedAt: number;
  unanswered: number;
  heardAt?: number;
  probedAt: number;
  knockedAt: number;
}

/** Not asked about a node for so long, a witness forgets what it has seen. */
const FORGET_MS = 2_000;
/** Nodes that a witness is asked about at most; a failure of more is judged without it. */
const MAX_TESTIMONIES = 256;
const KNOCK_EVERY_MS = 100;
/** Twice so long, and twice the time from one probe to the next, may have passed since the answer that a probe repeats. */
const LATE_MS = 500;
const NUMBERS = 2 ** (8 * NONCE_BYTES);
/** Questions about a node that come faster than its answer could: the witness has slept, and they have waited. */
const ASK_EVERY_MS = 15;
/** An answer that is later than this is no answer. */
const PATIENCE_MS = 2_000;
const LONG_AGO = Number.NEGATIVE_INFINITY;
const NOTHING: Reaction = { probes: [], knock: [] };

export class Responder {
  readonly #testimonies = new Map<string, Testimony>();
  /** Own probes that wait for their answers. */
  readonly #asked = new Map<number, { readonly name: string; readonly at: number }>();
  /**
   * What answers ask to be repeated counts milliseconds, from chance. So nothing has to be remembered to know when the answer
   * was given that a probe repeats; and what was recorded of an earlier process does not fit.
   */
  readonly #echoOrigin: number;

  constructor(private readonly options: ResponderOptions) {
    this.#echoOrigin = options.nonce();
  }

  probed(probe: Probe, now: number): Reaction {
    const { nodeName, boot } = this.options;
    // Another node had this address before, and the prober does not know yet.
    if (probe.node !== nodeName) return NOTHING;
    const ageMs = this.#ageOf(probe.echo, now);
    // A recording of a controller's orders, or orders from one that does not hear this node, are not followed.
    const followed = ageMs <= 2 * (probe.intervalMs + LATE_MS) && probe.prober !== "agent";
    const asks = followed && probe.list === "asks" ? probe.nodes : [];
    const reports = asks.map(({ name }) => this.#report(name, now));
    const answer: Answer = {
      type: "answer",
      node: nodeName,
      boot,
      nonce: this.#echoAt(now),
      echo: probe.nonce,
      reports,
    };
    const peers = probe.list === "peers" ? probe.nodes : undefined;
    return {
      answer,
      probes: asks.flatMap((peer) => this.#ask(peer, now)),
      knock: asks.filter(({ name }) => this.#mayKnock(name, now)),
      controller: followed
        ? {
            from: probe.boot,
            provenAt: Math.floor(now) - ageMs,
            intervalMs: probe.intervalMs,
            peers,
            neighbour: probe.prober === "neighbour",
          }
        : undefined,
      moved: followed && probe.list === "moved" ? probe.nodes.map(({ address }) => address) : undefined,
    };
  }

  answered(answer: Answer, now: number): Reaction {
    const asked = this.#asked.get(answer.echo);
    if (asked === undefined || asked.name !== answer.node) return NOTHING;
    this.#asked.delete(answer.echo);
    if (now - asked.at > PATIENCE_MS) return NOTHING;
    this.knocked(asked.name, now);
    return { ...NOTHING, peer: asked.name };
  }

  /** A node's kernel took a connection or refused it, or the node has answered. */
  knocked(name: string, now: number): void {
    const testimony = this.#testimonies.get(name);
    if (testimony === undefined) return;
    testimony.heardAt = now;
    testimony.unanswered = 0;
  }

  /** A probe of this agent's own. */
  probe(to: Peer, now: number): Probe {
    const { boot, nonce } = this.options;
    const number = nonce();
    for (const [old, { at }] of this.#asked) {
      if (now - at <= PATIENCE_MS) break;
      this.#asked.delete(old);
    }
    this.#asked.set(number, { name: to.name, at: now });
    return {
      type: "probe",
      prober: "agent",
      node: to.name,
      boot,
      nonce: number,
      echo: 0,
      intervalMs: 0,
      list: "peers",
      nodes: [],
    };
  }

  #ask(to: Peer, now: number): { readonly to: Peer; readonly probe: Probe }[] {
    const testimony = this.#testimonies.get(to.name);
    if (testimony === undefined || now - testimony.probedAt < ASK_EVERY_MS) return [];
    testimony.probedAt = now;
    testimony.unanswered++;
    return [{ to, probe: this.probe(to, now) }];
  }

  /** What has been seen of the node so far; opens a testimony where there is none. */
  #report(name: string, now: number): Report {
    for (const [other, { askedAt }] of this.#testimonies)
      if (now - askedAt > FORGET_MS) this.#testimonies.delete(other);
    const known = this.#testimonies.get(name);
    if (known === undefined) {
      if (this.#testimonies.size < MAX_TESTIMONIES) {
        this.#testimonies.set(name, { askedAt: now, unanswered: 0, probedAt: LONG_AGO, knockedAt: LONG_AGO });
      }
      return { unanswered: 0 };
    }
    known.askedAt = now;
    const { unanswered, heardAt } = known;
    return heardAt === undefined ? { unanswered } : { unanswered, heardAgoMs: now - heardAt };
  }

  #mayKnock(name: string, now: number): boolean {
    const testimony = this.#testimonies.get(name);
    if (testimony === undefined || now - testimony.knockedAt < KNOCK_EVERY_MS) return false;
    testimony.knockedAt = now;
    return true;
  }

  #echoAt(now: number): number {
    return (this.#echoOrigin + Math.floor(now)) % NUMBERS;
  }

  /** How long ago the answer was given that asked for this number; of a number that none has asked for, ages. */
  #ageOf(echo: number, now: number): number {
    if (echo === 0) return Infinity;
    return (this.#echoAt(now) - echo + NUMBERS) % NUMBERS;
  }
}
