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

/** Fields that `@pulumi/gcp` got after the lowest version that podpin takes, and the version that has them (compared 2026-11). */
const SINCE = { pdpScope: "8.18", ipCollection: "9.11", deletionPolicy: "9.25" } as const;

/**
 * Reports an argument whose field the installed SDK would drop: the address would come from elsewhere, or be released.
 *
 * @param what the argument as the user wrote it, for example `ipCollection`
 */
export function checkFieldExists(
  what: string,
  given: unknown,
  field: keyof typeof SINCE,
  resource: pulumi.CustomResource,
  problems: Problems,
): void {
  if (given === undefined || field in resource) return;
  const shown: unknown = typeof given === "object" ? "a value" : given;
  problems.add(
    what,
    shown,
    `the installed @pulumi/gcp has no word for it: update @pulumi/gcp to ${SINCE[field]} or later`,
  );
}
