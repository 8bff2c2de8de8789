// Looks at the node when the agent starts and from time to time, says what it finds once each, and counts it.
import type { Clock, Log } from "../kube/api";
import type { Metrics } from "../kube/metrics";
import { type NodeFacts, type NodeProblem, nodeProblems, nodeVerdict, type NodeVerdict } from "./node-problems";

export interface NodeWatchOptions {
  readonly check: () => Promise<NodeFacts>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What the node can do may have changed. */
  readonly onChange: () => void;
}

export interface NodeWatch {
  /** Undefined until the node could be looked at once. */
  readonly facts: NodeFacts | undefined;
  /** As {@link facts}. What cannot be looked at is expected to be able to do everything. */
  verdict(): NodeVerdict | undefined;
  stop(): void;
}

/** Somebody who puts the node right should not have to restart the agent, and need not be met in the same second. */
const EVERY_MS = 60_000;

/** Answers after the first look. */
export async function watchNode({ check, clock, log, metrics, onChange }: NodeWatchOptions): Promise<NodeWatch> {
  let known: readonly NodeProblem[] = [];
  let facts: NodeFacts | undefined;
  let stopped = false;
  let cancel = (): void => undefined;

  const tell = (looked: NodeFacts): boolean => {
    const found = nodeProblems(looked);
    const news = found.filter(({ text }) => !known.some((problem) => problem.text === text));
    const gone = known.filter(({ text }) => !found.some((problem) => problem.text === text));
    for (const { id, text, prevents } of news)
      log(prevents.length > 0 ? "error" : "warn", text, { problem: id, prevents });
    for (const { id } of gone) log("info", "a problem of the node is gone", { problem: id });
    known = found;
    return news.length + gone.length > 0;
  };
  /** Answers whether anything is different. */
  const look = async (): Promise<boolean> => {
    try {
      facts = await check();
      return !stopped && tell(facts);
    } catch (error) {
      log("warn", "the node could not be looked at; what was found before counts", { error });
      return false;
    }
  };
  const again = async (): Promise<void> => {
    if (await look()) onChange();
    if (!stopped) cancel = clock.after(EVERY_MS, () => void again());
  };

  metrics.gauge("podpin_agent_node_problem", "What is wrong with the node, 1 for each problem.", () =>
    known.map(({ id }) => [1, { problem: id }]),
  );
  await look();
  cancel = clock.after(EVERY_MS, () => void again());
  return {
    get facts() {
      return facts;
    },
    verdict: () => facts && nodeVerdict(facts),
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}
