// Label selectors as users write them: a map of labels, and expressions beside it.
import { checkChoice } from "./choices";
import type { MaybeLater } from "./later";
import { checkLabelValue, checkSelector, isLabelKey } from "./names";
import type { Problems } from "./problems";

/** How an expression judges a label; Kubernetes' own words. */
export const LabelOperator = {
  /** The label has one of the values. */
  In: "In",
  /** The label has none of the values, or is not there. */
  NotIn: "NotIn",
  /** The label is there. */
  Exists: "Exists",
  /** The label is not there. */
  DoesNotExist: "DoesNotExist",
} as const;
export type LabelOperator = (typeof LabelOperator)[keyof typeof LabelOperator];

/** One condition on a label. */
export interface LabelExpression {
  /** Key of the label, for example `tier` or `example.com/tier`. */
  key: string;
  /** What must be true of it. */
  operator: LabelOperator;
  /**
   * The values, at least one with `In` and `NotIn`, none otherwise.
   *
   * @default - none
   */
  values?: string[] | undefined;
}

/** A label selector as it stands in an object. */
export interface SelectorObject<Text> {
  readonly matchLabels?: Readonly<Record<string, Text>>;
  readonly matchExpressions?: readonly LabelExpression[];
}

/** The selector of labels and expressions; undefined where neither is given. */
export function selectorOfParts<Text extends MaybeLater<string>>(
  labels: Readonly<Record<string, Text>> | undefined,
  expressions: readonly LabelExpression[] | undefined,
): SelectorObject<Text> | undefined {
  if (labels === undefined && expressions === undefined) return undefined;
  return {
    ...(labels === undefined ? {} : { matchLabels: labels }),
    ...(expressions === undefined ? {} : { matchExpressions: expressions.map(expressionObject) }),
  };
}

function expressionObject({ key, operator, values }: LabelExpression): LabelExpression {
  return { key, operator, ...(values === undefined ? {} : { values: [...values] }) };
}

/**
 * Checks labels and expressions, which together must ask for something.
 *
 * @param what the field of the labels; that of the expressions is `<what>Expressions`
 * @param emptyMeans what a selector that asks for nothing would do
 */
export function checkExpressions(
  what: string,
  labels: Readonly<Record<string, string>> | undefined,
  expressions: readonly LabelExpression[] | undefined,
  emptyMeans: string,
  problems: Problems,
): void {
  const asked = Object.keys(labels ?? {}).length + (expressions ?? []).length;
  if (labels !== undefined && (asked === 0 || Object.keys(labels).length > 0)) {
    checkSelector(what, labels, emptyMeans, problems);
  } else if (labels === undefined && asked === 0) {
    problems.add(`${what}Expressions`, expressions, emptyMeans);
  }
  for (const [index, { key, operator, values }] of (expressions ?? []).entries()) {
    const field = `${what}Expressions[${index}]`;
    if (!isLabelKey(key))
      problems.add(`${field}.key`, key, 'use a label key, for example "tier" or "example.com/tier"');
    if (!checkChoice(`${field}.operator`, operator, LabelOperator, problems)) continue;
    const takesValues = operator === LabelOperator.In || operator === LabelOperator.NotIn;
    if (takesValues && (values ?? []).length === 0) {
      problems.add(`${field}.values`, values, `operator ${operator} needs at least one value`);
    } else if (!takesValues && values !== undefined && values.length > 0) {
      problems.add(`${field}.values`, values, `operator ${operator} takes no values: leave them out`);
    }
    for (const [at, value] of (values ?? []).entries()) checkLabelValue(`${field}.values[${at}]`, value, problems);
  }
}
