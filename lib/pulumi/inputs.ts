import * as pulumi from "@pulumi/pulumi";

import { type ArgumentNames, ownArguments, warningOf } from "../model/argument-names";
import { isKnown, LATER, type MaybeLater } from "../model/later";
import { Problems } from "../model/problems";
import { checkShape, Flavour, type ShapedComponent, shapedKind } from "../model/shape";
import { ARGUMENT_NAMES } from "./argument-names";

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

/** Options of every resource, which are no arguments: among those they would be dropped without a word. */
const OPTIONS: ArgumentNames = {
  aliases: false,
  deleteBeforeReplace: false,
  dependsOn: false,
  ignoreChanges: false,
  parent: false,
  protect: false,
  provider: false,
  providers: false,
  retainOnDelete: false,
  transformations: false,
  transforms: false,
};

/** Options that the engine keeps with a component and heeds for nothing inside it (tried with 3.255). */
const UNHEEDED = ["customTimeouts", "ignoreChanges", "replaceOnChanges"] as const;

/**
 * Throws what is wrong with the shape of a component's arguments, before the component itself reads them, and warns of
 * names that it does not know and of options that do nothing.
 *
 * @returns the arguments that it knows
 */
export function checkArguments<Args extends object>(
  component: ShapedComponent,
  name: string,
  args: Args,
  opts?: pulumi.ComponentResourceOptions,
): Args {
  const problems = new Problems();
  const subject = `${shapedKind(component)} "${name}"`;
  const names = ARGUMENT_NAMES[component];
  const foreign = checkShape(Flavour.Pulumi, component, args, { ...OPTIONS, ...names }, problems);
  for (const option of Object.keys(OPTIONS)) {
    if ((args as Readonly<Record<string, unknown>> | undefined)?.[option] === undefined) continue;
    problems.addFact(option, "a value", `that is an option of the resource: pass { ${option}: … } after the arguments`);
  }
  const message = problems.message(subject);
  // There is no resource yet to show it under; of a RunError Pulumi prints the message alone.
  if (message !== undefined) throw new pulumi.RunError(message);
  const warning = warningOf(subject, foreign, names);
  if (warning !== undefined) void pulumi.log.warn(warning);
  const unheeded = UNHEEDED.filter((option) => opts?.[option] !== undefined).join(", ");
  if (unheeded !== "") {
    void pulumi.log.warn(
      `${subject} has ${unheeded} among its options, which Pulumi heeds for no object inside a component: set it there, by transforms`,
    );
  }
  return ownArguments(args, names);
}

/** Runs checks and throws all that is wrong as one message, which the Pulumi CLI prints under the resource. */
export function checked<T>(kind: string, name: string, resource: pulumi.Resource, plan: (problems: Problems) => T): T {
  const problems = new Problems();
  const result = plan(problems);
  const message = problems.message(`${kind} "${name}"`);
  if (message !== undefined) throw new pulumi.ResourceError(message, resource, true);
  return result;
}
