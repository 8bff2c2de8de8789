import * as pulumi from "@pulumi/pulumi";

import { Declarations, DeclaringComponent } from "../model/declarations";

/**
 * A component among those of its program. Its provider tells the cluster. Without an engine, as in unit tests with mocks,
 * several programs share a process and nothing tells them apart; then a component knows of no other.
 *
 * @param subject the component as the user knows it
 */
export function amongOthers(component: pulumi.Resource, subject: string): DeclaringComponent {
  const stack = pulumi.runtime.getStackResource();
  const declarations = stack === undefined ? undefined : Declarations.of(stack);
  const cluster = component.getProvider("kubernetes:core/v1:Namespace") ?? "the provider of the program";
  return new DeclaringComponent(declarations, [cluster], component, subject);
}
