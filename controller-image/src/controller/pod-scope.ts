// Which Pods have to be known so that no route misses one. In a large cluster few Pods can ever be selected, and the API server
// keeps the others to itself where it is told which labels to look for. Pure.
import type { LabelSelector } from "../../../lib/model/kubernetes";
import { isLabelKey, isLabelValue } from "../../../lib/model/names";
import { selectorProblem } from "../../../lib/model/selection";
import { anchorOf } from "./selector-index";

/** A label that every Pod has which a selector matches, and the values that it may have. */
export interface Need {
  /** {@link EVERY_POD} where no label tells such Pods. */
  readonly key: string;
  readonly values: Values;
}

/** Values of one label; `any` where they are too many to be listed. */
export type Values = ReadonlySet<string> | "any";

export const EVERY_POD = "";

/** More values make requests that are long to read in an audit log; whoever has so many Pods to pin has a label for them. */
export const MOST_VALUES = 64;

/** What must be known for a selector; undefined where no Pod can ever match it. */
export function needOf(selector: LabelSelector | undefined): Need | undefined {
  // Refused; and it must not be dear to the others.
  if (selectorProblem(selector) !== undefined) return undefined;
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const isPossible = ([key, value]: [string, string]): boolean => isLabelKey(key) && isLabelValue(value);
  if (!Object.entries(matchLabels).every(isPossible)) return undefined;
  const anchor = anchorOf(selector);
  if (anchor !== undefined) return { key: anchor.name, values: listed([anchor.value]) };
  const positive = matchExpressions.find(({ operator }) => operator === "In" || operator === "Exists");
  if (positive === undefined) return { key: EVERY_POD, values: "any" };
  const { key, operator, values = [] } = positive;
  if (!isLabelKey(key)) return undefined;
  if (operator === "Exists") return { key, values: "any" };
  const possible = values.filter(isLabelValue);
  return possible.length === 0 ? undefined : { key, values: listed(possible) };
}

/** Both together. */
export function union(one: Values, other: Values): Values {
  return one === "any" || other === "any" ? "any" : listed([...one, ...other]);
}

export function includes(all: Values, some: Values): boolean {
  if (all === "any") return true;
  return some !== "any" && [...some].every((value) => all.has(value));
}

/** As the API server reads it; undefined for every Pod. */
export function labelSelectorOf({ key, values }: Need): string | undefined {
  if (key === EVERY_POD) return undefined;
  return values === "any" ? key : `${key} in (${[...values].sort().join(",")})`;
}

/** An empty value cannot be told from none in a list of one. */
function listed(values: readonly string[]): Values {
  const found = new Set(values);
  return found.size > MOST_VALUES || found.has("") ? "any" : found;
}
