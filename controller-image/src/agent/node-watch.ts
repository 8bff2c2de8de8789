// Looks at the node when the agent starts and from time to time, says what it finds once each, and counts it.
import type { Clock, Log } from "../kube/api";
import type { Metrics } from "../kube/metrics";
import { type NodeFacts, type NodeProblem, nodeProblems, nodeVerdict, type NodeVerdict } from "./node-check";

export interface NodeWatchOptions {
  readonly check: () => Promise<NodeFacts>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What the node can do may have changed. */
  readonly onChange: () => void;
}

export interface NodeWatch {
  readonly facts: NodeFacts;
  verdict(): NodeVerdict;
  stop(): void;
}

/** Somebody who puts the node right should not have to restart the agent, and need not be met in the same second. */
const EVERY_MS = 60_000;

/** Answers after the first look. */
export async function watchNode({ check, clock, log, metrics, onChange }: NodeWatchOptions): Promise<NodeWatch> {
  let known: readonly NodeProblem[] = [];
  let facts = await check();
  let stopped = false;
  let cancel = (): void => undefined;

  const tell = (): boolean => {
    const found = nodeProblems(facts);
    const news = found.filter(({ text }) => !known.some((problem) => problem.text === text));
    const gone = known.filter(({ text }) => !found.some((problem) => problem.text === text));
    for (const { id, text, prevents } of news)
      log(prevents.length > 0 ? "error" : "warn", text, { problem: id, prevents });
    for (const { id } of gone) log("info", "a problem of the node is gone", { problem: id });
    known = found;
    return news.length + gone.length > 0;
  };
  const again = async (): Promise<void> => {
    try {
      facts = await check();
      if (!stopped && tell()) onChange();
    } catch (error) {
      log("warn", "the node could not be looked at", { error });
    }
    if (!stopped) cancel = clock.after(EVERY_MS, () => void again());
  };

  metrics.gauge("podpin_agent_node_problem", "What is wrong with the node, 1 for each problem.", () =>
    known.map(({ id }) => [1, { problem: id }]),
  );
  tell();
  cancel = clock.after(EVERY_MS, () => void again());
  return {
    facts,
    verdict: () => nodeVerdict(facts),
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}
