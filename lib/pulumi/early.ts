// What a preview knows of an object that has values that are still to come, such as addresses to be reserved in the template
// of its Pods. The output of such a spec is unknown as a whole, and checks that hang on it would wait for the deployment.
import * as pulumi from "@pulumi/pulumi";

import { isAllKnown, LATER, type MaybeLater } from "../model/later";

/** The value with LATER in the place of everything that is not known yet; so a preview can look at the rest. */
export function early(value: pulumi.Input<unknown>): pulumi.Output<unknown> {
  const output = pulumi.Output.isInstance(value) ? value : pulumi.output(value);
  // Every version of the SDK has the second parameter, by which it reads fields of outputs; its declarations do not.
  const apply = output.apply.bind(output) as unknown as (
    func: (value: unknown) => unknown,
    runWithUnknowns: boolean,
  ) => pulumi.Output<unknown>;
  return apply(marked, true);
}

function marked(value: unknown): unknown {
  if (pulumi.isUnknown(value)) return LATER;
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, marked(field)]));
}

/** What stands at the path: LATER below something that is not known yet, undefined below what is not there. */
export function at<T>(value: unknown, ...path: readonly string[]): MaybeLater<T> | undefined {
  const found = path.reduce<unknown>(
    (inner, field) => (inner === LATER ? LATER : (inner as Record<string, unknown> | null | undefined)?.[field]),
    value,
  );
  return found as MaybeLater<T> | undefined;
}

/** The value, or LATER where some part of it is not known yet. */
export function whole<T>(value: MaybeLater<T> | undefined): MaybeLater<T> | undefined {
  return isAllKnown(value) ? value : LATER;
}
