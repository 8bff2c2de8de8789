// What controllers and agents say to each other to know who is alive: two messages, a probe and its answer. Bytes that come
// from anywhere become a message or nothing; nothing here throws on input.
import { addressToNumber, isIPv4 } from "../../../lib/model/address";

/**
 * Whoever asks. Only a controller's probe is contact with the controller, and one on the node itself (`neighbour`) is no
 * contact with the world.
 */
export type Prober = keyof typeof PROBERS;

/** A node that is asked about, or that may be asked. */
export interface Peer {
  readonly name: string;
  /** IPv4. */
  readonly address: string;
}

/** "Are you there?" */
export interface Probe {
  readonly type: "probe";
  readonly prober: Prober;
  /** Name of the node that is meant; another one that has its address by now does not answer. */
  readonly node: string;
  /** Another one for each process that ever ran. */
  readonly boot: number;
  /** To be repeated in the answer. Never used twice. */
  readonly nonce: number;
  /** What the node's last answer asked to be repeated; 0 before the first. It proves that this probe is no recording. */
  readonly echo: number;
  /** When the next one is due. */
  readonly intervalMs: number;
  /**
   * `peers`: whom the node may ask when it hears nobody. `asks`: of whom the prober wants to know whether the node hears them.
   * `moved`: persistent addresses that the node had, each with the name of the node that has it now.
   */
  readonly list: keyof typeof List;
  readonly nodes: readonly Peer[];
}

/** "I am", and for each node that the probe asks about what this one has heard of it. */
export interface Answer {
  readonly type: "answer";
  /** Who answers. */
  readonly node: string;
  readonly boot: number;
  /** To be repeated in the next probe. */
  readonly nonce: number;
  /** The nonce of the probe. */
  readonly echo: number;
  readonly reports: readonly Report[];
}

/** What a witness has of another node. */
export interface Report {
  /** Probes in a row that the other one has let pass. */
  readonly unanswered: number;
  /** Time since its last sign of life, by the witness's clock; undefined when there was none since it was first asked about. */
  readonly heardAgoMs?: number;
}

export type Message = Probe | Answer;

/** Numbers that are used once have 48 bits: enough never to meet again, and exact in JavaScript. */
export const NONCE_BYTES = 6;

/** Entries of one probe. With the longest names of nodes it still fits into one frame. */
export const MAX_NODES = 4;
const MAX_NAME = 253;
/** "Never" where a time stands. */
const NEVER = 0xffff;

const NODE_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

const PROBERS = { controller: 1, agent: 2, neighbour: 4 } as const;
const ANSWER = 3;
const List = { peers: 1, asks: 2, moved: 3 } as const;

/** Kind, boot, nonce, echo, interval, list, name. */
const FIXED_BYTES = 1 + 3 * NONCE_BYTES + 2 + 1 + 1;
/** Largest body. */
export const MAX_BODY_BYTES = FIXED_BYTES + MAX_NAME + 1 + MAX_NODES * (4 + 1 + MAX_NAME);

/**
 * An answer never has more bytes than its probe: an entry of the probe has at least six, its report three. So nobody can
 * have a node say more to a third one than was said to it.
 */
const REPORT_BYTES = 3;

/**
 * The message with room around it for what others add, in one piece of memory: this is done thousands of times a second.
 *
 * @throws Error where the message could not be read back: a mistake of the caller, never of the network
 */
export function encode(message: Message, before = 0, after = 0): Buffer {
  const { node } = message;
  const entries = message.type === "probe" ? message.nodes : message.reports;
  if (entries.length > MAX_NODES) throw new Error(`a message has at most ${MAX_NODES} entries, got ${entries.length}`);
  checkName(node);
  let size = FIXED_BYTES + node.length + 1;
  if (message.type === "answer") size += entries.length * REPORT_BYTES;
  else for (const peer of message.nodes) size += peerSize(peer);
  const bytes = Buffer.alloc(before + size + after);
  let at = bytes.writeUInt8(kindOf(message), before);
  at = bytes.writeUIntBE(message.boot, at, NONCE_BYTES);
  at = bytes.writeUIntBE(message.nonce, at, NONCE_BYTES);
  at = bytes.writeUIntBE(message.echo, at, NONCE_BYTES);
  at = bytes.writeUInt16BE(message.type === "probe" ? Math.min(NEVER, Math.ceil(message.intervalMs)) : 0, at);
  at = bytes.writeUInt8(message.type === "probe" ? List[message.list] : 0, at);
  at = writeName(bytes, node, at);
  at = bytes.writeUInt8(entries.length, at);
  if (message.type === "answer") for (const report of message.reports) at = writeReport(bytes, report, at);
  else for (const peer of message.nodes) at = writePeer(bytes, peer, at);
  return bytes;
}

/** Undefined for everything that {@link encode} does not make. */
export function decode(body: Buffer): Message | undefined {
  if (body.length < FIXED_BYTES + 2 || body.length > MAX_BODY_BYTES) return undefined;
  const kind = body.readUInt8(0);
  const [boot, nonce, echo] = [0, 1, 2].map((n) => body.readUIntBE(1 + n * NONCE_BYTES, NONCE_BYTES)) as [
    number,
    number,
    number,
  ];
  const at = 1 + 3 * NONCE_BYTES;
  const intervalMs = body.readUInt16BE(at);
  const list = body.readUInt8(at + 2);
  const reader = new Reader(body, at + 3);
  const node = reader.name();
  const count = reader.byte();
  if (node === undefined || count === undefined || count > MAX_NODES) return undefined;
  if (kind === ANSWER) {
    const reports = reader.all(count, () => reader.report());
    if (reports === undefined || intervalMs !== 0 || list !== 0) return undefined;
    return { type: "answer", node, boot, nonce, echo, reports };
  }
  const prober = (Object.keys(PROBERS) as Prober[]).find((known) => PROBERS[known] === kind);
  if (prober === undefined) return undefined;
  const listed = (Object.keys(List) as Probe["list"][]).find((known) => List[known] === list);
  if (listed === undefined) return undefined;
  const nodes = reader.all(count, () => reader.peer());
  if (nodes === undefined) return undefined;
  return {
    type: "probe",
    prober,
    node,
    boot,
    nonce,
    echo,
    intervalMs,
    list: listed,
    nodes,
  };
}

/** Whether a name and an address can stand in a message. */
export function isPeer({ name, address }: Peer): boolean {
  return NODE_NAME.test(name) && isIPv4(address);
}

/** A number for a message from six random bytes; never 0, which stands for "none". */
export function nonceOf(bytes: Buffer): number {
  return bytes.readUIntBE(0, NONCE_BYTES) || 1;
}

class Reader {
  constructor(
    private readonly body: Buffer,
    private at: number,
  ) {}

  byte(): number | undefined {
    return this.at < this.body.length ? this.body.readUInt8(this.at++) : undefined;
  }

  name(): string | undefined {
    const length = this.byte();
    if (length === undefined || this.at + length > this.body.length) return undefined;
    const name = this.body.toString("latin1", this.at, (this.at += length));
    return NODE_NAME.test(name) ? name : undefined;
  }

  peer(): Peer | undefined {
    if (this.at + 4 > this.body.length) return undefined;
    const address = [...this.body.subarray(this.at, (this.at += 4))].join(".");
    const name = this.name();
    return name === undefined ? undefined : { name, address };
  }

  report(): Report | undefined {
    if (this.at + REPORT_BYTES > this.body.length) return undefined;
    const unanswered = this.body.readUInt8(this.at);
    const ago = this.body.readUInt16BE(this.at + 1);
    this.at += REPORT_BYTES;
    return ago === NEVER ? { unanswered } : { unanswered, heardAgoMs: ago };
  }

  /** That many, and nothing after them. */
  all<T>(count: number, next: () => T | undefined): T[] | undefined {
    const entries: T[] = [];
    for (let n = 0; n < count; n++) {
      const entry = next();
      if (entry === undefined) return undefined;
      entries.push(entry);
    }
    return this.at === this.body.length ? entries : undefined;
  }
}

function kindOf(message: Message): number {
  return message.type === "answer" ? ANSWER : PROBERS[message.prober];
}

function checkName(name: string): void {
  if (!NODE_NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a node`);
}

function peerSize({ name, address }: Peer): number {
  if (!isIPv4(address)) throw new Error(`${JSON.stringify(address)} is no IPv4 address`);
  checkName(name);
  return 4 + 1 + name.length;
}

function writeName(bytes: Buffer, name: string, at: number): number {
  bytes.writeUInt8(name.length, at);
  return at + 1 + bytes.write(name, at + 1, "latin1");
}

function writePeer(bytes: Buffer, { name, address }: Peer, at: number): number {
  return writeName(bytes, name, bytes.writeUInt32BE(addressToNumber(address), at));
}

function writeReport(bytes: Buffer, { unanswered, heardAgoMs }: Report, at: number): number {
  bytes.writeUInt8(Math.min(0xff, unanswered), at);
  return bytes.writeUInt16BE(heardAgoMs === undefined ? NEVER : Math.min(NEVER - 1, Math.round(heardAgoMs)), at + 1);
}
