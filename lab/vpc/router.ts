// The router of the lab's VPC: a route to a node's interface for each address that the cloud leads to one.
import { run } from "../cluster/process";

/** Runs `ip` with these lines as its batch. */
export type IpBatch = (lines: readonly string[]) => Promise<void>;

export interface RouterOptions {
  /** The interface that the nodes are behind. */
  readonly device: string;
  readonly table: number;
  /** @default - the machine's own `ip`, in this process's network namespace */
  readonly ip?: IpBatch;
}

/** Follows what it is told, in order and without holding anybody up: of several changes of one address the last one counts. */
export class Router {
  readonly #options: RouterOptions;
  readonly #ip: IpBatch;
  readonly #wanted = new Map<string, string | undefined>();
  readonly #has = new Map<string, string>();
  #working: Promise<void> | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#ip = options.ip ?? ipBatch;
  }

  /** @param via address of the interface that gets the packets; undefined: nobody does */
  lead(address: string, via: string | undefined): void {
    this.#wanted.set(address, via);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** Resolves when everything that was told is so; rejects with what went wrong. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    // Whoever tells of one change often tells of more at once.
    await Promise.resolve();
    while (this.#wanted.size > 0) {
      const { device, table } = this.#options;
      const changes = [...this.#wanted].filter(([address, via]) => this.#has.get(address) !== via);
      this.#wanted.clear();
      if (changes.length === 0) continue;
      await this.#ip(
        changes.map(([address, via]) =>
          via === undefined
            ? `route del ${address}/32 table ${table}`
            : `route replace ${address}/32 via ${via} dev ${device} table ${table}`,
        ),
      );
      for (const [address, via] of changes) {
        if (via === undefined) this.#has.delete(address);
        else this.#has.set(address, via);
      }
    }
  }
}

async function ipBatch(lines: readonly string[]): Promise<void> {
  const { code, stderr } = await run(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
  if (code !== 0) throw new Error(`ip -batch of ${lines.join("; ")}: ${stderr.trim()}`);
}
