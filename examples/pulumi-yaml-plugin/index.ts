// Makes podpin's components usable from every language that Pulumi has: the engine starts this program as the plugin of
// the package `podpin` and asks it for components.
import * as pulumi from "@pulumi/pulumi";
import { main } from "@pulumi/pulumi/provider";
import * as podpin from "podpin/pulumi";
import schema from "./schema.json";

const VERSION = "0.1.0";

type Component = new (
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

const PREFIX = "podpin:index:";
const exported = podpin as unknown as Readonly<Record<string, unknown>>;
const outputs = schema.resources as Readonly<Record<string, { readonly properties?: object }>>;

/** The components of this deployment by URN: a route that is given `pool: ${pool}` needs the object itself. */
const made = new Map<string, pulumi.ComponentResource>();

pulumi.runtime.registerResourceModule("podpin", "index", {
  version: VERSION,
  construct: (name, type, urn) => {
    const component = made.get(urn);
    if (component !== undefined) return component;
    throw new Error(
      `${type} "${name}" was not made by this plugin; declare it in the same program, with the same provider`,
    );
  },
});

async function construct(
  name: string,
  type: string,
  inputs: pulumi.Inputs,
  options: pulumi.ComponentResourceOptions,
): Promise<{ urn: pulumi.Input<pulumi.URN>; state: pulumi.Inputs }> {
  const component = make(name, type, inputs, options);
  const urn = await new Promise<string>((resolve) => component.urn.apply(resolve));
  made.set(urn, component);
  const fields = component as unknown as pulumi.Inputs;
  const names = Object.keys(outputs[type]?.properties ?? {});
  return { urn, state: Object.fromEntries(names.map((field) => [field, fields[field]])) };
}

function make(
  name: string,
  type: string,
  { fromAddresses, existingClusterName, ...inputs }: pulumi.Inputs,
  options: pulumi.ComponentResourceOptions,
): pulumi.ComponentResource {
  if (outputs[type] === undefined) {
    throw new Error(`podpin has no component ${type}; it has ${Object.keys(outputs).join(", ")}`);
  }
  // Static methods have no place in a schema, so they are arguments.
  if (existingClusterName !== undefined) return existing(name, existingClusterName as string, inputs, options);
  if (fromAddresses !== undefined) {
    const addresses = fromAddresses as pulumi.Input<string>[];
    return podpin.PersistentIpPool.fromAddresses(name, { ...inputs, addresses }, options);
  }
  return new (exported[type.slice(PREFIX.length)] as Component)(name, inputs, options);
}

function existing(
  name: string,
  clusterName: pulumi.Input<string>,
  { location, project, datapathProvider, ...rest }: pulumi.Inputs,
  options: pulumi.ComponentResourceOptions,
): podpin.PersistentIpCluster {
  const others = Object.entries(rest).flatMap(([field, value]) => (value === undefined ? [] : [field]));
  if (others.length > 0) {
    throw new Error(
      `PersistentIpCluster "${name}" is not valid:\n  - existingClusterName: the cluster exists, and nothing of it is changed: leave ${others.join(", ")} out`,
    );
  }
  const place = { location: location as string, project: project as string | undefined };
  return podpin.PersistentIpCluster.fromExisting(
    name,
    { clusterName, ...place, datapathProvider: datapathProvider as podpin.DatapathProvider | undefined },
    options,
  );
}

void main({ version: VERSION, getSchema: async () => JSON.stringify(schema), construct }, process.argv.slice(2));
