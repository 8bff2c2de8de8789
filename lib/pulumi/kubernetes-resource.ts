import type * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";

import { withShortTraces } from "./short-traces";

/**
 * Annotations that only the Pulumi engine reads; it does not send them to the cluster's controllers. They are the one
 * difference between the objects of the two flavours.
 */
const EngineAnnotation = {
  WaitFor: "pulumi.com/waitFor",
  DeletionPropagationPolicy: "pulumi.com/deletionPropagationPolicy",
} as const;

type TypedResource = new (name: string, args: never, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource;

// Typed classes, so that the objects have the type tokens that Pulumi users know and are awaited as usual. The file of
// @pulumi/kubernetes that has each: only controllers need them, so that they are loaded where one is declared.
const TYPED: Readonly<Record<string, string>> = {
  ClusterRole: "rbac/v1/clusterRole",
  ClusterRoleBinding: "rbac/v1/clusterRoleBinding",
  CustomResourceDefinition: "apiextensions/v1/customResourceDefinition",
  DaemonSet: "apps/v1/daemonSet",
  Deployment: "apps/v1/deployment",
  Namespace: "core/v1/namespace",
  NetworkPolicy: "networking/v1/networkPolicy",
  PodDisruptionBudget: "policy/v1/podDisruptionBudget",
  ResourceQuota: "core/v1/resourceQuota",
  Role: "rbac/v1/role",
  RoleBinding: "rbac/v1/roleBinding",
  ServiceAccount: "core/v1/serviceAccount",
  ValidatingAdmissionPolicy: "admissionregistration/v1/validatingAdmissionPolicy",
  ValidatingAdmissionPolicyBinding: "admissionregistration/v1/validatingAdmissionPolicyBinding",
};

interface AnyManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Registers an object of Kubernetes. */
export function kubernetesResource(
  name: string,
  manifest: AnyManifest,
  opts: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const file = TYPED[manifest.kind];
  if (file === undefined) return customResource(name, manifest, opts);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it for everybody
  const loaded = require(`@pulumi/kubernetes/${file}`) as Readonly<Record<string, TypedResource>>;
  const Typed = loaded[manifest.kind] as TypedResource;
  return withShortTraces(() => new Typed(name, manifest as never, opts));
}

/** Registers an object of a kind that has no class of its own. */
export function customResource(
  name: string,
  manifest: AnyManifest,
  opts: pulumi.CustomResourceOptions,
  waitFor?: string,
): CustomResource {
  const { metadata, ...rest } = manifest;
  const annotations = {
    ...metadata.annotations,
    // Nothing hangs below these objects, and foreground deletion takes up to half a minute for a kind that is new.
    [EngineAnnotation.DeletionPropagationPolicy]: "background",
    ...(waitFor === undefined ? {} : { [EngineAnnotation.WaitFor]: waitFor }),
  };
  return withShortTraces(() => new CustomResource(name, { ...rest, metadata: { ...metadata, annotations } }, opts));
}
