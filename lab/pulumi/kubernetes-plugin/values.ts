// Property values of Kubernetes objects: what the shared values know, and what only Kubernetes does.
import { isObject, isSecret, secret, withSecretsOf as marked, type Json, type JsonObject } from "../plugin/values";

export * from "../plugin/values";

/** As for any plugin, and all data of a Kubernetes Secret is marked, wherever it came from. */
export function withSecretsOf(outputs: JsonObject, inputs: Json | undefined): JsonObject {
  if (outputs["kind"] !== "Secret") return marked(outputs, inputs);
  const data = Object.entries(outputs).filter(([field]) => field === "data" || field === "stringData");
  return { ...outputs, ...Object.fromEntries(data.map(([field, value]) => [field, secret(value)])) };
}

// The Node.js SDK cannot have dashes in property names, so the schema fields of a CustomResourceDefinition arrive
// with underscores. The API server only knows the dashes.
const DASHED_FIELDS: ReadonlyMap<string, string> = new Map(
  [
    "embedded-resource",
    "int-or-string",
    "list-map-keys",
    "list-type",
    "map-type",
    "preserve-unknown-fields",
    "validations",
  ].map((name) => [`x_kubernetes_${name.replaceAll("-", "_")}`, `x-kubernetes-${name}`]),
);

/** The object as the API server wants it: no secret marks, no nulls in maps, schema fields with dashes. */
export function kubernetesObject(properties: JsonObject): JsonObject {
  const plain = (value: Json): Json => {
    if (isSecret(value)) return plain(value["value"] ?? null);
    if (Array.isArray(value)) return value.map(plain);
    if (!isObject(value)) return value;
    const entries = Object.entries(value).filter(([, item]) => item !== null);
    return Object.fromEntries(entries.map(([key, item]) => [DASHED_FIELDS.get(key) ?? key, plain(item)]));
  };
  return plain(properties) as JsonObject;
}
