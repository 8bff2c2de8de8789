import type * as pulumi from "@pulumi/pulumi";

import type { Problems } from "../model/problems";

/**
 * Reports fields that the installed SDK drops in silence: a resource has a property for every field that its class knows.
 * That shows only on the resource itself, so that it is the one check that comes after it was declared; every preview
 * makes it.
 *
 * @param what the argument that has the fields, for example `clusterArgs`
 */
export function checkKnownFields(
  what: string,
  given: pulumi.Inputs | undefined,
  resource: pulumi.CustomResource,
  problems: Problems,
): void {
  for (const [field, value] of Object.entries(given ?? {})) {
    if (value === undefined || field in resource) continue;
    const shown: unknown = typeof value === "object" ? "a value" : value;
    problems.add(
      `${what}.${field}`,
      shown,
      "the installed @pulumi/gcp has no such field and would drop it: mind the spelling, or update @pulumi/gcp",
    );
  }
}
