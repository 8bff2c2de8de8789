import { MAX_LINE_BYTES } from "./lines";

const HEADER_BYTES = 4;

/**
 * Cuts a stream of bytes into frames: four bytes of length, the highest first, then as many bytes. A frame is valid only
 * until the next one: it may be a view of what has just arrived.
 */
export class FrameSplitter {
  /** What has arrived of the frame that is not complete. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** How much of a frame that is too long is still to come. */
  #dropping = 0;

  constructor(
    private readonly onFrame: (frame: Buffer) => void,
    /** Called once for each frame that is too long. */
    private readonly onDropped: (bytes: number) => void = () => undefined,
    private readonly maxBytes = MAX_LINE_BYTES,
  ) {}

  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#dropping > 0) {
      const dropped = Math.min(this.#dropping, rest.length);
      this.#dropping -= dropped;
      rest = rest.subarray(dropped);
    }
    if (rest.length === 0) return;
    this.#pieces.push(rest);
    this.#bytes += rest.length;
    // A large frame comes in many pieces: they are joined when it is complete, not with each piece.
    if (this.#bytes < HEADER_BYTES || this.#bytes < HEADER_BYTES + Math.min(this.#length(), this.maxBytes)) return;
    let joined = this.#join();
    this.#pieces = [];
    this.#bytes = 0;
    while (joined.length >= HEADER_BYTES) {
      const length = joined.readUInt32BE(0);
      if (length > this.maxBytes) {
        this.onDropped(length);
        const here = Math.min(length, joined.length - HEADER_BYTES);
        this.#dropping = length - here;
        joined = joined.subarray(HEADER_BYTES + here);
        continue;
      }
      if (joined.length < HEADER_BYTES + length) break;
      const frame = joined.subarray(HEADER_BYTES, HEADER_BYTES + length);
      joined = joined.subarray(HEADER_BYTES + length);
      this.onFrame(frame);
    }
    if (joined.length === 0) return;
    this.#pieces = [joined];
    this.#bytes = joined.length;
  }

  /** What the header of the first frame says; it may be spread over several pieces. */
  #length(): number {
    const [first] = this.#pieces;
    return (first !== undefined && first.length >= HEADER_BYTES ? first : this.#join()).readUInt32BE(0);
  }

  #join(): Buffer {
    const [first] = this.#pieces;
    const joined = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [joined];
    return joined;
  }
}
