// One step of the lab: what it shows, and how it becomes a line of the report.
import type { ProbeResult } from "../cluster/probe";
import type { Images } from "../images/ensure";
import type { Stack } from "../pulumi/engine";
import type { StepResult } from "../report";
import type { LabCloud } from "../vpc/start";
import type { Cluster } from "./cluster";
import type { Setting } from "./setting";

export interface StepContext {
  readonly cluster: Cluster;
  readonly images: Images;
  readonly setting: Setting;
  /** The Pulumi stack of the setting's example. */
  readonly stack: Stack;
  /** With fabric gce. */
  readonly cloud?: LabCloud;
}

export interface StepSeen {
  /** One sentence each. */
  readonly seen: readonly string[];
  /** What changes cost; several are added up. */
  readonly probes?: readonly ProbeResult[];
}

export interface Step {
  readonly id: string;
  readonly title: string;
  /** Rejects when what the step promises does not hold. */
  run(context: StepContext): Promise<StepSeen>;
}

/** Runs the step; a failure is a result too. */
export async function result(step: Step, context: StepContext): Promise<StepResult> {
  const started = performance.now();
  const { id, title } = step;
  const took = (): number => Math.round(performance.now() - started);
  try {
    const { seen, probes = [] } = await step.run(context);
    const costs =
      probes.length === 0
        ? {}
        : {
            lost: sum(probes, ({ lost }) => lost),
            sent: sum(probes, ({ sent }) => sent),
            gapMs: Math.max(...probes.map(({ longestGapMs }) => longestGapMs)),
          };
    return { id, title, ok: true, ms: took(), ...costs, seen };
  } catch (error) {
    return {
      id,
      title,
      ok: false,
      ms: took(),
      seen: [],
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Fails the step with this text unless it holds. */
export function must(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}

function sum(probes: readonly ProbeResult[], of: (probe: ProbeResult) => number): number {
  return probes.reduce((total, probe) => total + of(probe), 0);
}
