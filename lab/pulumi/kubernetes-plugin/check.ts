// Check: the inputs as the engine will keep them. Pure: what depends on the cluster comes in as an answer.
import type { Checked } from "../plugin/provider";
import { uniqueName } from "../plugin/unique-name";
import { parseUrn } from "../plugin/urn";
import { ANNOTATION, gvkOf, gvkOfType, isAutonamed, isNamed, nameOf, namespaceOf, withMetadata } from "./object";
import {
  at,
  hasUnknown,
  isObject,
  isUnknown,
  kubernetesObject,
  withSecretsOf,
  type Json,
  type JsonObject,
} from "./values";

export interface CheckInput {
  readonly urn: string;
  /** The inputs of the last deployment; empty for a new or a replaced resource. */
  readonly olds: JsonObject;
  readonly news: JsonObject;
  readonly randomSeed: Uint8Array;
  /** The provider's `namespace`, for namespaced kinds that name none. */
  readonly defaultNamespace: string;
  /** Whether the kind lives in namespaces; an unserved kind is taken for namespaced. */
  readonly namespaced: boolean;
}

// As many as the real plugin uses.
const AUTONAME_DIGITS = 8;

const READ_ONLY_METADATA = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

export function check(request: CheckInput): Checked {
  const { type, name } = parseUrn(request.urn);
  const refusal = unsupported(type, request.news);
  if (refusal !== undefined) return { inputs: request.news, failures: [{ property: "", reason: refusal }] };

  let inputs = normalised(kubernetesObject(request.news));
  const olds = kubernetesObject(request.olds);
  if (!isNamed(inputs)) {
    const keepsOldName = isAutonamed(olds) && nameOf(olds) !== "";
    inputs = autonamed(inputs, keepsOldName ? nameOf(olds) : uniqueName(name, request.randomSeed, AUTONAME_DIGITS));
  }
  if (request.namespaced && request.defaultNamespace !== "" && namespaceOf(inputs) === "") {
    if (!isUnknown(at(inputs, "metadata")) && !isUnknown(at(inputs, "metadata", "namespace"))) {
      inputs = withMetadata(inputs, { namespace: request.defaultNamespace });
    }
  }
  return { inputs: withSecretsOf(inputs, request.news), failures: [] };
}

/** What the real plugin can do and this one cannot, in words; undefined for a plain Kubernetes object. */
function unsupported(type: string, news: JsonObject): string | undefined {
  const { group, kind } = gvkOfType(type);
  const why = "the lab's stand-in plugin deploys plain objects only; put the real pulumi-resource-kubernetes on PATH";
  if (["helm.sh", "kustomize", "yaml"].includes(group)) return `${type}: ${why}`;
  // The SDK writes the patched kind into `kind`: type "DeploymentPatch", kind "Deployment".
  if (kind.endsWith("Patch") && at(news, "kind") !== kind) return `${type}: Patch resources are not supported; ${why}`;
  if (at(news, "kind") === undefined || at(news, "apiVersion") === undefined) {
    return `${type}: apiVersion and kind are missing; ${why}`;
  }
  if (kind.endsWith("List") && Array.isArray(at(news, "items"))) {
    return `${type}: a list cannot be created itself; declare its items one by one`;
  }
  return undefined;
}

/** Inputs in the form that the API server keeps, so that two spellings of one object show no difference. */
export function normalised(object: JsonObject): JsonObject {
  const { group, version, kind } = gvkOf(object);
  let result: JsonObject = group === "" && version === "v1" ? { ...object, apiVersion: "v1" } : object;
  const metadata = at(result, "metadata");
  if (isObject(metadata)) {
    const kept = Object.entries(metadata).filter(([key]) => !READ_ONLY_METADATA.includes(key));
    result = { ...result, metadata: Object.fromEntries(kept) };
  }
  if (group === "" && kind === "Secret") result = encodedSecret(result);
  return result;
}

/** `stringData` folded into `data`, as the API server does; left alone while a preview does not know all of it. */
function encodedSecret(object: JsonObject): JsonObject {
  const { stringData, ...rest } = object;
  if (!isObject(stringData) || hasUnknown(stringData) || hasUnknown(rest["data"])) return object;
  const encoded = Object.entries(stringData).map(([key, value]): [string, Json] => [
    key,
    Buffer.from(String(value), "utf8").toString("base64"),
  ]);
  return { ...rest, data: { ...(isObject(rest["data"]) ? rest["data"] : {}), ...Object.fromEntries(encoded) } };
}

function autonamed(object: JsonObject, name: string): JsonObject {
  const annotations = at(object, "metadata", "annotations");
  return withMetadata(object, {
    name,
    annotations: { ...(isObject(annotations) ? annotations : {}), [ANNOTATION.autonamed]: "true" },
  });
}
