import * as pulumi from "@pulumi/pulumi";

import { isKnown, LATER, type MaybeLater } from "../model/later";
import { Problems } from "../model/problems";
import { checkShape, type ShapedComponent, shapedKind } from "../model/shape";

/** What the program knows of an input while it runs. */
export function knownNow<T>(input: pulumi.Input<T>): MaybeLater<T> {
  return pulumi.Output.isInstance(input) || input instanceof Promise ? LATER : (input as T);
}

/** The value where the program knows it, so that a preview shows it; else the checked one that comes later. */
export function nowOrLater<T>(now: MaybeLater<T>, later: () => pulumi.Output<T>): pulumi.Input<T> {
  return isKnown(now) ? now : later();
}

/** A part of what becomes known later; in a preview it can be unknown still where the rest is known. */
export function partOf<Whole, T>(whole: pulumi.Output<Whole>, of: (whole: Whole) => MaybeLater<T>): pulumi.Output<T> {
  return whole.apply((found) => {
    const part = of(found);
    return (isKnown(part) ? part : pulumi.unknown) as pulumi.Input<T>;
  }) as pulumi.Output<T>;
}

/** Throws what is wrong with the shape of a component's arguments, before the component itself reads them. */
export function checkArguments(component: ShapedComponent, name: string, args: unknown): void {
  const problems = new Problems();
  checkShape(component, args, problems);
  const message = problems.message(`${shapedKind(component)} "${name}"`);
  // There is no resource yet to show it under; of a RunError Pulumi prints the message alone.
  if (message !== undefined) throw new pulumi.RunError(message);
}

/** Runs checks and throws all that is wrong as one message, which the Pulumi CLI prints under the resource. */
export function checked<T>(kind: string, name: string, resource: pulumi.Resource, plan: (problems: Problems) => T): T {
  const problems = new Problems();
  const result = plan(problems);
  const message = problems.message(`${kind} "${name}"`);
  if (message !== undefined) throw new pulumi.ResourceError(message, resource, true);
  return result;
}
