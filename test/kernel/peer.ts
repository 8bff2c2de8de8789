// A running `peer.mjs`: one end of many connections in one namespace.
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

export type Question =
  | { readonly task: "serve"; readonly addresses: readonly string[] }
  | { readonly task: "tcp" | "bulk"; readonly to: string; readonly from?: string }
  | { readonly task: "udp"; readonly to: string; readonly from?: string; readonly size?: number }
  | { readonly task: "wildcard" | "hold"; readonly to: string }
  | { readonly task: "echo" | "resume" }
  | {
      readonly task: "ping";
      readonly to: string;
      readonly from?: string;
      /** Bytes of data. */
      readonly size?: number;
      /** Not to be fragmented. */
      readonly whole?: boolean;
    };

export class Peer {
  readonly #waiting = new Map<number, (answer: string) => void>();
  #serial = 0;

  constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error("a peer needs its standard output");
    // One more for each question that is open.
    child.setMaxListeners(0);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: string };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  async end(): Promise<void> {
    this.child.stdin?.end();
    await new Promise((resolve) => this.child.once("close", resolve));
  }

  /** What came back: whom the other end saw, `ok`, `none`, or why not. */
  ask(question: Question): Promise<string> {
    const id = ++this.#serial;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.child.once("exit", (code) => reject(new Error(`the peer ended with ${code}`)));
      this.child.stdin?.write(`${JSON.stringify({ id, ...question })}\n`);
    });
  }
}
