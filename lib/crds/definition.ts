import type { Resource } from "../model/kubernetes";
import type { CustomResourceDefinition, PrinterColumn, Schema } from "./schema";

/** A definition with one version, which is served and stored, and a status subresource. */
export function definition(
  resource: Resource,
  schema: Schema,
  extras: {
    readonly additionalPrinterColumns?: readonly PrinterColumn[];
    readonly selectableFields?: readonly { readonly jsonPath: string }[];
  } = {},
): CustomResourceDefinition {
  const { group, version, plural, kind, namespaced } = resource;
  const { properties = {}, ...rest } = schema;
  const openAPIV3Schema: Schema = {
    ...rest,
    properties: {
      apiVersion: { type: "string", description: "Group and version of the object." },
      kind: { type: "string", description: "Kind of the object." },
      metadata: { type: "object" },
      ...properties,
    },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          subresources: { status: {} },
          ...extras,
        },
      ],
    },
  };
}
