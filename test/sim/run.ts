// One schedule from start to verdict: faults, peace, convergence, and a second look by fresh processes that must change
// nothing.
import { CHECK_MS } from "../../controller-image/src/agent/state";
import type { Fabric } from "../../lib/model/binding";
import { happen, type SimEvent } from "./events";
import { keptFromServing, notConverged } from "./converged";
import { fabricOf, killPoints, scheduleOf } from "./schedule";

export { REGRESSIONS } from "./regressions";
export { fabricOf, killPoints, scheduleOf };
import { LATEST_MS } from "./sim-kube";
import type { Violation } from "./checks";
import { checkSettling, inOwnTurn } from "./microtasks";
import { UNASKED_MS } from "./pods";
import { World } from "./world";

export interface Verdict {
  readonly seed: number;
  readonly fabric: Fabric;
  readonly events: readonly SimEvent[];
  readonly violation?: Violation;
  readonly steps: number;
  /** Milliseconds of virtual time that went by. */
  readonly virtualMs: number;
  /** Packets astray that are known not to be preventable; see the check of invariant 8. */
  readonly strays: number;
  readonly trace?: readonly string[];
}

/** Requests that fail often make errors; where they were made interests nobody here. */
Error.stackTraceLimit = 0;

/** After the last fault: longest waits of the product (retries 60 s, forwarding 60 s, polls 30 s) and some. */
const PEACE_MS = 200_000;
const LOOK_EVERY_MS = 5_000;
/** After the last fault: the longest wait for an old node and for a late request, and some. */
const RELIEF_MS = 35_000;
const SECOND_LOOK_MS = 10_000;

export interface RunOptions {
  readonly trace?: boolean;
  /** @default that of the seed */
  readonly fabric?: Fabric;
}

export function runSchedule(seed: number, events: readonly SimEvent[], options: RunOptions = {}): Promise<Verdict> {
  const { trace = false, fabric = fabricOf(seed) } = options;
  return inOwnTurn(() => runNow(seed, events, fabric, trace));
}

function runNow(seed: number, events: readonly SimEvent[], fabric: Fabric, trace: boolean): Verdict {
  checkSettling();
  const world = new World(seed, { trace, fabric });
  for (const event of events) world.after(event.at, () => happen(world, event));
  judge(world, lastEffect(events));
  const [violation] = world.checks.violations;
  world.close();
  if (violation !== undefined) world.say(() => `INVARIANT ${violation.invariant}: ${violation.text}`);
  return {
    seed,
    fabric,
    events,
    violation,
    steps: world.steps,
    strays: world.checks.nodes.strays,
    virtualMs: world.clock.now(),
    trace: world.trace,
  };
}

export const runSeed = (seed: number, fabric = fabricOf(seed)): Promise<Verdict> =>
  runSchedule(seed, scheduleOf(seed, undefined, fabric), { fabric });

function lastEffect(events: readonly SimEvent[]): number {
  return Math.max(
    5_000,
    ...events.map(({ at, ms, kind }) => at + ms + (kind.endsWith("anew") ? UNASKED_MS : 0) + 3_000),
  );
}

function judge(world: World, faultsEnd: number): void {
  if (!world.runUntil(faultsEnd)) return;
  const deadline = world.clock.now() + PEACE_MS;
  if (!converges(world, faultsEnd, deadline)) return;
  // What was sent before may still be on its way; and of what is led a node that has let go asks only now and then.
  const asked = world.cloud === undefined ? -Infinity : world.editedAt + CHECK_MS;
  if (!world.runUntil(Math.max(world.clock.now(), faultsEnd + LATEST_MS, asked) + 2_000)) return;
  // Also a Pod may have been on its way, whose node had just come back.
  if (converges(world, faultsEnd, deadline)) secondLook(world);
}

/** Waits until everything is as it must be. */
function converges(world: World, faultsEnd: number, deadline: number): boolean {
  let problems = notConverged(world);
  while (problems.length > 0 && world.clock.now() < deadline) {
    if (!world.runUntil(world.clock.now() + LOOK_EVERY_MS)) return false;
    problems = notConverged(world);
    const kept = world.clock.now() > faultsEnd + RELIEF_MS ? keptFromServing(world) : [];
    if (kept.length > 0) {
      world.checks.fail(9, `after ${RELIEF_MS / 1000} s of peace: ${kept.join("; ")}`);
      return false;
    }
  }
  if (problems.length === 0) return true;
  world.checks.fail(9, `after ${PEACE_MS / 1000} s of peace: ${problems.join("; ")}`);
  return false;
}

/** New processes that know nothing find everything as it must be. */
function secondLook(world: World): void {
  const { writes } = world;
  const changes = world.cloud?.changes;
  const kernels = JSON.stringify(
    world.nodes.map(({ kernel }) => kernel.state([])),
    mapsToo,
  );
  world.processes.killController(0);
  world.processes.startController(0);
  for (const node of world.nodes) {
    world.processes.killAgent(node);
    world.processes.startAgent(node);
  }
  world.say(() => "--- everything starts again, and must find nothing to do");
  if (!world.runUntil(world.clock.now() + SECOND_LOOK_MS)) return;
  if (world.writes !== writes) world.checks.fail(9, "a second reconcile wrote to the API server");
  if (world.cloud?.changes !== changes) world.checks.fail(9, "a second reconcile changed the cloud");
  const now = JSON.stringify(
    world.nodes.map(({ kernel }) => kernel.state([])),
    mapsToo,
  );
  if (now !== kernels) world.checks.fail(9, `a second look changed a kernel: ${kernels} became ${now}`);
  const problems = notConverged(world);
  if (problems.length > 0) world.checks.fail(9, `after a second look: ${problems.join("; ")}`);
}

function mapsToo(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...(value as Map<string, unknown>)].sort();
  return value instanceof Set ? [...(value as Set<string>)].sort() : value;
}

/** Takes out events, and shortens what is left, as long as the same invariant still breaks. */
export async function shrink(verdict: Verdict, budget = 300): Promise<Verdict> {
  let best = verdict;
  let left = budget;
  const broken = verdict.violation?.invariant;
  const fails = async (events: readonly SimEvent[]): Promise<boolean> => {
    if (left-- <= 0) return false;
    const next = await runSchedule(verdict.seed, events, { fabric: verdict.fabric });
    if (next.violation?.invariant !== broken) return false;
    best = next;
    return true;
  };
  for (let size = Math.ceil(best.events.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.events.length && left > 0;) {
      const without = best.events.filter((_, i) => i < from || i >= from + size);
      if (!(await fails(without))) from += size;
    }
  }
  for (const [i, event] of best.events.entries()) {
    if (event.ms > 50) await fails(best.events.map((other, j) => (i === j ? { ...event, ms: 50 } : other)));
  }
  return best;
}
