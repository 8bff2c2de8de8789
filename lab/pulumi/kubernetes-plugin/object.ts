// What a Kubernetes object says about itself: its kind, its name, and the `pulumi.com/` annotations that steer this provider.
import { at, isUnknown, textAt, type JsonObject } from "./values";

export interface GroupVersionKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export const ANNOTATION = {
  autonamed: "pulumi.com/autonamed",
  skipAwait: "pulumi.com/skipAwait",
  waitFor: "pulumi.com/waitFor",
  timeoutSeconds: "pulumi.com/timeoutSeconds",
  patchForce: "pulumi.com/patchForce",
  patchFieldManager: "pulumi.com/patchFieldManager",
  deletionPropagationPolicy: "pulumi.com/deletionPropagationPolicy",
} as const;

export function gvkOf(object: JsonObject): GroupVersionKind {
  const [first = "", second] = textAt(object, "apiVersion").split("/");
  const kind = textAt(object, "kind");
  if (second === undefined) return { group: "", version: first, kind };
  // "core/v1" is how type tokens and some programs spell the core group.
  return { group: first === "core" ? "" : first, version: second, kind };
}

export function apiVersionOf(gvk: Pick<GroupVersionKind, "group" | "version">): string {
  return gvk.group === "" ? gvk.version : `${gvk.group}/${gvk.version}`;
}

/** Groups that the API server serves from typed Go code: it may write a value back in another spelling than it got. */
export function isBuiltIn(gvk: GroupVersionKind): boolean {
  return (
    ["", "apps", "autoscaling", "batch", "policy"].includes(gvk.group) ||
    (gvk.group.endsWith(".k8s.io") && !["gateway.networking.k8s.io", "snapshot.storage.k8s.io"].includes(gvk.group))
  );
}

export function nameOf(object: JsonObject): string {
  return textAt(object, "metadata", "name");
}

export function namespaceOf(object: JsonObject): string {
  return textAt(object, "metadata", "namespace");
}

/** `namespace/name`, or the name alone: the resource's ID in the state, and what error texts call it. */
export function idOf(object: JsonObject): string {
  const namespace = namespaceOf(object);
  return namespace === "" ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

export function parseId(id: string): { readonly namespace: string; readonly name: string } {
  const slash = id.indexOf("/");
  return slash < 0 ? { namespace: "", name: id } : { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** `kubernetes:apps/v1:Deployment` → apps, v1, Deployment. */
export function gvkOfType(type: string): GroupVersionKind {
  const [, module = "", kind = ""] = type.split(":");
  const [group = "", version = ""] = module.split("/");
  return { group: group === "core" ? "" : group, version, kind };
}

export function annotation(object: JsonObject, name: string): string {
  return textAt(object, "metadata", "annotations", name);
}

export function annotationIsTrue(object: JsonObject, name: string): boolean {
  return annotation(object, name).toLowerCase() === "true";
}

export function isAutonamed(object: JsonObject): boolean {
  return annotationIsTrue(object, ANNOTATION.autonamed);
}

/** True if a name is given, even one that the preview does not know yet, or the API server is to make one. */
export function isNamed(object: JsonObject): boolean {
  const metadata = at(object, "metadata");
  return (
    isUnknown(metadata) ||
    textAt(metadata, "name") !== "" ||
    textAt(metadata, "generateName") !== "" ||
    isUnknown(at(metadata, "name"))
  );
}

export function isCrd(object: JsonObject): boolean {
  const { group, kind } = gvkOf(object);
  return group === "apiextensions.k8s.io" && kind === "CustomResourceDefinition";
}

export function withMetadata(object: JsonObject, changes: JsonObject): JsonObject {
  const metadata = at(object, "metadata");
  return { ...object, metadata: { ...(metadata as JsonObject | undefined), ...changes } };
}
