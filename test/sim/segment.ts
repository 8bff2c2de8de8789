// The Ethernet segment: who answers ARP, what clients remember, and where a packet for an address ends.
import type { Commands } from "../../controller-image/src/fabric/commands";
import { UPLINK } from "../agent/memory-kernel";
import type { Random } from "./random";
import type { SimNode } from "./node";

/** A client believes a neighbour entry for so long; then it asks its owner, and if that is silent, everybody. */
const ENTRY_LIVES_MS = 30_000;
const LONGEST_WAY = 6;

export type Fate =
  | { readonly end: "pod"; readonly uid: string; readonly node: SimNode; readonly way: "route" | "nat" }
  /** Nobody answers, a blackhole, a dead node, or the packet went round in circles. */
  | { readonly end: "lost"; readonly why: string };

interface Entry {
  readonly node: SimNode;
  readonly since: number;
}

export class Client {
  readonly entries = new Map<string, Entry>();
}

export class Segment {
  readonly clients = [new Client(), new Client()];
  /** Part of the announcements that each client misses. */
  lossRate = 0;

  constructor(
    private readonly nodes: readonly SimNode[],
    private readonly now: () => number,
    private readonly random: Random,
    /** On a fabric that is led; then nobody asks by ARP. */
    private readonly cloud?: { to(address: string): string | undefined },
  ) {}

  /** A program `socat` whose frames reach the clients. */
  commandsOf(node: SimNode, onFrame: (address: string) => void): Commands {
    const nothing = { on: () => undefined };
    const write = (frames: Buffer, done: (error?: Error) => void): void => {
      for (let at = 0; at + 60 <= frames.length; at += 60) {
        const address = [...frames.subarray(at + 28, at + 32)].join(".");
        onFrame(address);
        if (!node.onSegment) continue;
        for (const client of this.clients) {
          if (!this.random.chance(this.lossRate)) client.entries.set(address, { node, since: this.now() });
        }
      }
      done();
    };
    const child = {
      stdin: { write },
      stdout: nothing,
      stderr: nothing,
      onExit: () => undefined,
      kill: () => undefined,
    };
    return {
      run: () => Promise.reject(new Error("the segment runs no programs")),
      start: () => child as unknown as ReturnType<Commands["start"]>,
    };
  }

  answering(address: string): SimNode[] {
    return this.nodes.filter((node) => node.onSegment && node.answersArp(address));
  }

  /** What becomes of a packet that the client sends now. */
  send(client: Client, address: string): Fate {
    if (this.cloud !== undefined) {
      const led = this.cloud.to(address);
      const node = this.nodes.find(({ name }) => name === led);
      return node === undefined ? { end: "lost", why: "nobody leads it anywhere" } : this.arrive(node, address);
    }
    let entry = client.entries.get(address);
    if (entry !== undefined && this.now() - entry.since > ENTRY_LIVES_MS) {
      entry = entry.node.onSegment && entry.node.answersArp(address) ? { ...entry, since: this.now() } : undefined;
      if (entry === undefined) client.entries.delete(address);
      else client.entries.set(address, entry);
    }
    if (entry === undefined) {
      const answering = this.answering(address);
      if (answering.length === 0) return { end: "lost", why: "nobody answers" };
      entry = { node: this.random.pick(answering), since: this.now() };
      client.entries.set(address, entry);
    }
    return this.arrive(entry.node, address);
  }

  /** What each node would do with a packet for the address, however it came there. */
  arrive(first: SimNode, address: string): Fate {
    let node = first;
    for (let hops = 0; hops < LONGEST_WAY; hops++) {
      if (!node.onSegment) return { end: "lost", why: `${node.name} is dead` };
      const { kernel } = node;
      // nat comes before routing.
      const translated = kernel.table?.maps.get("pip_to_pod")?.get(address);
      if (translated !== undefined) {
        const blackhole = kernel.rule && !kernel.paths.has(address) && kernel.fallbacks.has(address);
        if (blackhole) return { end: "lost", why: `the interface of its Pod on ${node.name} is gone` };
        const uid = node.podAt(translated);
        return uid === undefined
          ? { end: "lost", why: `nobody has ${translated}` }
          : { end: "pod", uid, node, way: "nat" };
      }
      const path = kernel.rule ? kernel.paths.get(address) : undefined;
      if (path === undefined) return { end: "lost", why: `${node.name} has no route` };
      if (path.dev !== UPLINK) {
        const uid = node.podBehind(path.dev);
        return uid === undefined ? { end: "lost", why: "no Pod there" } : { end: "pod", uid, node, way: "route" };
      }
      const next = this.nodes.find(({ ip }) => ip === path.via);
      if (next === undefined) return { end: "lost", why: `nobody has ${path.via}` };
      node = next;
    }
    return { end: "lost", why: "in circles" };
  }
}
