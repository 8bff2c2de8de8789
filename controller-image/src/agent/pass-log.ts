// What a pass of the agent did, for the log: one line for each address whose kernel entries it changed.
import type { FailReason } from "../../../lib/model/binding";
import type { Log } from "../kube/api";
import type { Plan, Step } from "./plan";

/** Why an address could not be served as planned. */
export interface Failure {
  readonly reason: FailReason;
  readonly message: string;
}

export function logPass(log: Log, { changes, outcomes }: Plan, failed: ReadonlyMap<string, Failure>): void {
  for (const step of changes.steps) {
    const { address } = step;
    const failure = failed.get(address);
    const ack = outcomes.get(address)?.ack;
    const state = failure === undefined ? ack?.state : "Failed";
    const fields = { address, epoch: ack?.epoch, state, changed: linesOf(step), ...failure };
    log(failure === undefined ? "info" : "error", "programmed the kernel", fields);
  }
  for (const [address, { note }] of outcomes) if (note !== undefined) log("warn", note, { address });
}

function linesOf({ early, routes, elements, pods, proxies }: Step): string[] {
  const inPods = [...pods.first, ...pods.leave, ...pods.enter].flatMap(({ namespace, lines }) =>
    lines.map((line) => `${line} (in ${namespace})`),
  );
  return [...early, ...routes, ...elements.remove, ...elements.add, ...inPods, ...proxies];
}
