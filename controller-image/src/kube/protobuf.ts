// Reads protobuf messages field by field, so that a reader pays only for what it wants: of a Pod of 4 KB the controller needs
// a dozen fields. Whatever the bytes are, reading ends: it throws on what is no message, and never reads past the end.

/** Thrown on bytes that are no message. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProtobufError";
  }
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * One message within a buffer. `next` goes to the next field, then one of the readers takes its value; a field that none
 * takes is passed over.
 */
export class Message {
  /** Number of the present field. */
  field = 0;
  #wire = 0;
  #at: number;
  /** Where the value of the present field ends; -1 when it has not been measured yet. */
  #valueEnd: number;

  constructor(
    readonly buffer: Buffer,
    start = 0,
    private readonly end: number = buffer.length,
  ) {
    this.#at = start;
    this.#valueEnd = start;
  }

  /** False at the end of the message. */
  next(): boolean {
    if (this.#valueEnd < 0) this.#skip();
    if (this.#at >= this.end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wire = tag % 8;
    this.#valueEnd = -1;
    return true;
  }

  /** A whole number up to 2^53, or a flag as 0 or 1; larger ones (no such field is read here) lose their lowest bits. */
  number(): number {
    this.#expect(VARINT);
    const value = this.#varint();
    this.#valueEnd = this.#at;
    return value;
  }

  string(): string {
    const start = this.#lengthDelimited();
    return this.buffer.toString("utf8", start, this.#at);
  }

  bytes(): Buffer {
    const start = this.#lengthDelimited();
    return this.buffer.subarray(start, this.#at);
  }

  message(): Message {
    const start = this.#lengthDelimited();
    return new Message(this.buffer, start, this.#at);
  }

  /** Goes behind the value and answers where it began. */
  #lengthDelimited(): number {
    this.#expect(BYTES);
    const length = this.#varint();
    const start = this.#at;
    this.#advance(length);
    this.#valueEnd = this.#at;
    return start;
  }

  #skip(): void {
    switch (this.#wire) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        return this.#advance(8);
      case BYTES:
        return this.#advance(this.#varint());
      case FIXED32:
        return this.#advance(4);
      default:
        throw new ProtobufError(`field ${this.field} has wire type ${this.#wire}, which Kubernetes does not use`);
    }
  }

  #advance(bytes: number): void {
    if (bytes > this.end - this.#at) throw new ProtobufError(`field ${this.field} reaches past the end of its message`);
    this.#at += bytes;
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    // Ten bytes are the longest that any encoder writes.
    for (let read = 0; read < 10; read++) {
      if (this.#at >= this.end) throw new ProtobufError("the message ends within a number");
      const byte = this.buffer[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new ProtobufError("a number of more than ten bytes");
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw new ProtobufError(`field ${this.field} has wire type ${this.#wire}, not ${wire}`);
  }
}
