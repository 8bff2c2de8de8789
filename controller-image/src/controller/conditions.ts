// Conditions as Kubernetes wants them: one of each type, `observedGeneration` always, `lastTransitionTime` only when
// the status flips.
import type { Condition } from "../../../lib/model/kubernetes";

export interface WantedCondition {
  readonly type: string;
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

/** What the schema of a condition allows. */
const MAX_MESSAGE_LENGTH = 32_768;

/** The conditions to write, in the order wanted; conditions of other types (somebody else's) are kept behind them. */
export function mergeConditions(
  present: readonly Condition[] | undefined,
  wanted: readonly WantedCondition[],
  observedGeneration: number,
  now: string,
): readonly Condition[] {
  const own = wanted.map((condition): Condition => {
    const before = present?.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    return { ...condition, message: shortened(condition.message), observedGeneration, lastTransitionTime };
  });
  const others = (present ?? []).filter(({ type }) => !wanted.some((condition) => condition.type === type));
  return [...own, ...others];
}

/** A longer one would be refused, and with it all that the object has to say. */
function shortened(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1).trimEnd()}…`;
}

/** Whether two plain values say the same; objects without regard to the order of their fields. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  const fieldsOf = (value: object): string[] =>
    Object.keys(value).filter((key) => Reflect.get(value, key) !== undefined);
  const fields = fieldsOf(left);
  return (
    fields.length === fieldsOf(right).length &&
    fields.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  );
}
