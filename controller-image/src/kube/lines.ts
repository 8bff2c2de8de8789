/** Larger lines are dropped. An object in etcd is 1.5 MB at most; its JSON can be a few times that. */
export const MAX_LINE_BYTES = 16 << 20;

const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines, however it arrives in pieces. Text is decoded a whole line at a time, so a character
 * that is split between two pieces stays one.
 */
export class LineSplitter {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #dropping = false;

  constructor(
    private readonly onLine: (line: string) => void,
    /** Called once for each line that is too long. */
    private readonly onDropped: (bytesAtLeast: number) => void = () => undefined,
    private readonly maxBytes = MAX_LINE_BYTES,
  ) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, at));
      this.#finishLine();
      from = at + 1;
    }
    this.#take(chunk.subarray(from));
  }

  #take(piece: Buffer): void {
    if (piece.length === 0 || this.#dropping) return;
    this.#bytes += piece.length;
    this.#pieces.push(piece);
    if (this.#bytes <= this.maxBytes) return;
    this.#dropping = true;
    this.#pieces = [];
    this.onDropped(this.#bytes);
  }

  #finishLine(): void {
    const line = this.#dropping ? "" : Buffer.concat(this.#pieces, this.#bytes).toString("utf8");
    this.#pieces = [];
    this.#bytes = 0;
    this.#dropping = false;
    if (line.trim() !== "") this.onLine(line);
  }
}
