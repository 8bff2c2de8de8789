// The fences of a {@link MemoryKernel}: the lines that the agent writes for them, refused as the real kernel refuses them.
import type { FenceState } from "../../controller-image/src/agent/fence";

export class MemoryFences {
  #table = false;
  readonly #sets = new Map<number, Set<string>>();
  /** Whether the chain has its rule. */
  readonly #chains = new Map<number, boolean>();

  /** Whether the line was about fences; throws when the kernel would refuse it. */
  line(line: string): boolean {
    const match = /^(add|delete|flush) (table|set|chain|rule|element) netdev pip_agent(?: (?:on|dev)_(\d+))?(.*)$/.exec(
      line,
    );
    if (match === null) return false;
    const [, verb = "", kind = "", number, rest = ""] = match;
    const ifindex = Number(number);
    if (!this.#table && line !== "add table netdev pip_agent") throw new Error(`there is no table: ${line}`);
    const done = this.#carryOut(`${verb} ${kind}`, ifindex, rest);
    if (!done) throw new Error(`the kernel refuses: ${line}`);
    return true;
  }

  #carryOut(deed: string, ifindex: number, rest: string): boolean {
    const addresses = this.#sets.get(ifindex);
    const address = /\{ (\S+) \}/.exec(rest)?.[1] ?? "";
    switch (deed) {
      case "add table":
        return (this.#table = true);
      case "delete table":
        this.#table = false;
        this.#sets.clear();
        this.#chains.clear();
        return true;
      case "add set":
        return this.#sets.set(ifindex, addresses ?? new Set()).size > 0;
      case "delete set":
        return this.#chains.get(ifindex) !== true && this.#sets.delete(ifindex);
      case "add chain":
        return this.#chains.set(ifindex, this.#chains.get(ifindex) ?? false).size > 0;
      case "flush chain":
        return this.#chains.has(ifindex) && this.#chains.set(ifindex, false).size > 0;
      case "delete chain":
        return this.#chains.delete(ifindex);
      case "add rule":
        return this.#chains.has(ifindex) && addresses !== undefined && this.#chains.set(ifindex, true).size > 0;
      case "add element":
        return addresses?.add(address) !== undefined;
      case "delete element":
        return addresses?.delete(address) === true;
      default:
        return false;
    }
  }

  /** As kernels before 6.16 do when an interface goes. */
  dropInterface(ifindex: number): void {
    this.#chains.delete(ifindex);
  }

  /** As when somebody deletes the filter by hand. */
  dropFilter(ifindex: number): void {
    this.#chains.delete(ifindex);
  }

  state(): FenceState {
    return {
      table: this.#table,
      fenced: new Map([...this.#sets].map(([ifindex, addresses]) => [ifindex, new Set(addresses)])),
      filtered: new Set([...this.#chains].filter(([, ruled]) => ruled).map(([ifindex]) => ifindex)),
    };
  }

  /** Whether a packet from that interface with that source is stopped. */
  stops(ifindex: number, address: string): boolean {
    return this.#chains.get(ifindex) === true && this.#sets.get(ifindex)?.has(address) === true;
  }

  get empty(): boolean {
    return !this.#table;
  }
}
