// The kernel as one agent process reaches it: every look and every stage of a change takes time, so that a crash, a
// pause or a vanishing interface can come between any two of them. Each stage is shown to the checks, before and after. What
// was seen last is remembered, as by the shipped one, until the agent hears of a change, some time after it happened.
import { NO_POD_CHANGES } from "../../controller-image/src/agent/inside";
import { isDeepStrictEqual } from "node:util";

import type { Forgotten } from "../../controller-image/src/agent/conntrack";
import type { Stale } from "../../controller-image/src/agent/forgetting";
import type { Kernel, Wanted } from "../../controller-image/src/agent/kernel";
import type { KernelChanges, Step } from "../../controller-image/src/agent/plan";
import type { KernelState } from "../../controller-image/src/agent/state";
import { UPLINK } from "../agent/memory-kernel";
import type { Held, NodeKernel, SimNode } from "./node";
import type { SimProcess } from "./process";
import type { Random } from "./random";

/** What one stage of one change did to one address. */
export interface KernelStep {
  readonly node: SimNode;
  readonly address: string;
  readonly before: Held;
  readonly after: Held;
}

export interface SimKernelOptions {
  readonly node: SimNode;
  readonly process: SimProcess;
  readonly random: Random;
  readonly onStep: (step: KernelStep) => void;
  readonly onLine: (node: SimNode, line: string) => void;
  readonly onTeardown: (node: SimNode) => void;
}

/** A program tells of a change, and the agent reads what it says. */
const HEARD_WITHIN_MS = 5;

const NOTHING = { setup: [], base: [], steps: [], finish: [], cleanup: [], teardown: { ip: [], nft: [] } } as const;

export class SimKernel implements Kernel {
  lookedAt = -1;
  /** Part of the lines that the kernel refuses for no reason of ours. */
  refuseRate = 0;
  #known: KernelState | undefined;
  /** Grows with what the agent hears and does. */
  #changes = 0;

  constructor(private readonly options: SimKernelOptions) {}

  get #kernel(): NodeKernel {
    return this.options.node.kernel;
  }

  async observe(ips: readonly string[], { fresh = false, evidence = [] }: Partial<Wanted> = {}): Promise<KernelState> {
    const known = fresh ? undefined : this.#known;
    if (known !== undefined) {
      const asked = ips.filter((ip) => evidence.includes(ip) || !known.hops.has(ip));
      if (asked.length > 0) await this.#time(1);
      const { hops, sandboxes } = this.#kernel.state(asked);
      const same = [...hops].every(([ip, hop]) => !known.hops.has(ip) || isDeepStrictEqual(known.hops.get(ip), hop));
      const all = new Map([...known.hops, ...hops]);
      if (same && known === this.#known) {
        this.#known = { ...known, hops: all };
        return { ...this.#known, sandboxes, remembered: true };
      }
    }
    const before = this.#changes;
    await this.#time(2);
    const state = this.#kernel.state(ips);
    this.lookedAt = this.options.process.clock.now();
    await this.#time(1);
    this.#known = before === this.#changes ? state : undefined;
    return state;
  }

  #forget(): void {
    this.#changes++;
    this.#known = undefined;
  }

  async apply(changes: KernelChanges): Promise<ReadonlyMap<string, string>> {
    this.#forget();
    try {
      return await this.#carryOut(changes);
    } finally {
      this.#forget();
    }
  }

  async #carryOut(changes: KernelChanges): Promise<ReadonlyMap<string, string>> {
    const failed = new Map<string, string>();
    const { setup, base, steps, finish, cleanup, teardown } = changes;
    const working = (): readonly Step[] => steps.filter(({ address }) => !failed.has(address));
    const only = (keep: Partial<Step>) =>
      working().map((step) => ({ ...EMPTY, address: step.address, ...pickOf(step, keep) }));
    if (steps.some(({ early }) => early.length > 0)) {
      await this.#time(3);
      this.#stage({ ...NOTHING, steps: only({ early: [] }) }, failed);
    }
    await this.#time(2);
    this.#stage({ ...NOTHING, setup, steps: only({ routes: [] }) }, failed);
    if (base.length > 0 || steps.some(({ elements }) => elements.add.length + elements.remove.length > 0)) {
      await this.#time(3);
      this.#stage({ ...NOTHING, base, steps: only({ elements: { add: [], remove: [] } }) }, failed);
    }
    if (finish.length > 0 || steps.some(({ proxies }) => proxies.length > 0)) {
      await this.#time(2);
      this.#stage({ ...NOTHING, steps: only({ proxies: [] }), finish }, failed);
    }
    if (cleanup.length > 0) {
      await this.#time(2);
      this.#stage({ ...NOTHING, cleanup }, failed);
    }
    if (teardown.ip.length + teardown.nft.length > 0) {
      await this.#time(2);
      this.options.onTeardown(this.options.node);
      this.#stage({ ...NOTHING, teardown }, failed);
    }
    return failed;
  }

  async forgetConnections(stale: readonly Stale[]): Promise<Forgotten> {
    await this.#time(5);
    return this.#kernel.forgetConnections(stale);
  }

  watch(onEvent: () => void): () => void {
    const { process, random } = this.options;
    return this.#kernel.watch(() => {
      const hear = (): void => {
        this.#forget();
        process.run(onEvent);
      };
      process.clock.after(random.next() * HEARD_WITHIN_MS, hear);
    });
  }

  #stage(changes: KernelChanges, failed: Map<string, string>): void {
    const kernel = this.#kernel;
    const { node, onLine, onStep, random } = this.options;
    const before = changes.steps.map(({ address }) => kernel.held(address));
    kernel.refuse = (line) => {
      const dev = / dev (\S+) onlink /.exec(line)?.[1];
      const missing = dev !== undefined && dev !== UPLINK && node.podBehind(dev) === undefined;
      if (missing) return `Cannot find device "${dev}"`;
      return random.chance(this.refuseRate) ? "Cannot allocate memory" : undefined;
    };
    const from = kernel.lines.length;
    try {
      for (const [address, why] of kernel.carryOut(withoutGone(changes, kernel))) failed.set(address, why);
    } finally {
      for (const line of kernel.lines.splice(from)) onLine(node, line);
      for (const [index, { address }] of changes.steps.entries()) {
        onStep({ node, address, before: before[index]!, after: kernel.held(address) });
      }
    }
  }

  #time(mostMs: number): Promise<void> {
    const ms = this.options.random.next() * mostMs;
    return new Promise((resolve) => this.options.process.clock.after(ms, resolve));
  }
}

const EMPTY = {
  early: [],
  routes: [],
  elements: { add: [], remove: [] },
  pods: NO_POD_CHANGES,
  proxies: [],
} as const;

function pickOf(step: Step, keep: Partial<Step>): Partial<Step> {
  return Object.fromEntries(Object.keys(keep).map((key) => [key, step[key as keyof Step]]));
}

/** As the shipped kernel does: what is gone already need not be deleted, what is there already need not be added. */
function withoutGone(changes: KernelChanges, kernel: NodeKernel): KernelChanges {
  const needed = (line: string): boolean => {
    const [, blackhole, routed] = /^route del (blackhole )?(\S+)\/32 /.exec(line) ?? [];
    if (routed !== undefined) return blackhole === undefined ? kernel.paths.has(routed) : kernel.fallbacks.has(routed);
    const proxy = /^neigh del proxy (\S+)/.exec(line)?.[1];
    if (proxy !== undefined) return kernel.proxies.has(proxy);
    if (line.startsWith("rule add")) return !kernel.rule;
    return !line.startsWith("rule del") || kernel.rule;
  };
  const { setup, teardown, steps } = changes;
  return {
    ...changes,
    setup: setup.filter(needed),
    steps: steps.map((step) => ({ ...step, routes: step.routes.filter(needed), proxies: step.proxies.filter(needed) })),
    teardown: { ...teardown, ip: teardown.ip.filter(needed) },
  };
}
