// Declares the objects listed in `objects.<stack>.json`, so that a test can say what a program declares from run to run.
import { readFileSync } from "node:fs";

import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/customResourceDefinition";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import { ConfigMapPatch } from "@pulumi/kubernetes/core/v1/configMapPatch";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { Secret } from "@pulumi/kubernetes/core/v1/secret";
import * as pulumi from "@pulumi/pulumi";

import type { Declared } from "./declared";

type Make = (
  name: string,
  args: Record<string, unknown>,
  options: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

const MAKE: Readonly<Record<string, Make>> = {
  ConfigMap: (name, args, options) => new ConfigMap(name, args, options),
  ConfigMapPatch: (name, args, options) => new ConfigMapPatch(name, args, options),
  CustomResourceDefinition: (name, args, options) => new CustomResourceDefinition(name, args as never, options),
  Deployment: (name, args, options) => new Deployment(name, args as never, options),
  Namespace: (name, args, options) => new Namespace(name, args, options),
  Secret: (name, args, options) => new Secret(name, args, options),
};

const made = new Map<string, pulumi.CustomResource>();

/** `{ $secret: text }` becomes a secret, `{ $of: name, path: [...] }` an output of an object declared before. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== "object" || value === null) return value;
  const { $secret, $of, path, ...fields } = value as Record<string, unknown>;
  if ($secret !== undefined) return pulumi.secret($secret);
  if ($of !== undefined) return outputOf(String($of), path as string[]);
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, resolved(field)]));
}

function outputOf(name: string, [first = "", ...rest]: readonly string[]): pulumi.Output<unknown> {
  const source = made.get(name) as unknown as Record<string, pulumi.Output<Record<string, unknown>>>;
  return pulumi.output(source[first]).apply((value: unknown) => {
    return rest.reduce<unknown>((inner, step) => (inner as Record<string, unknown>)[step], value);
  });
}

const file = `objects.${pulumi.getStack()}.json`;
for (const { name, object, type, after, options } of JSON.parse(readFileSync(file, "utf8")) as Declared[]) {
  const { apiVersion, kind, ...rest } = object;
  const make = MAKE[type ?? kind];
  const args = resolved(rest) as Record<string, unknown>;
  const dependsOn = (after ?? []).flatMap((earlier) => made.get(earlier) ?? []);
  const all = { ...options, dependsOn };
  made.set(
    name,
    make === undefined ? new CustomResource(name, { apiVersion, kind, ...args }, all) : make(name, args, all),
  );
}
export const names = [...made.keys()];
