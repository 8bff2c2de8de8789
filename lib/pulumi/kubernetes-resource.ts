import type * as pulumi from "@pulumi/pulumi";
import { ValidatingAdmissionPolicy } from "@pulumi/kubernetes/admissionregistration/v1/validatingAdmissionPolicy";
import { ValidatingAdmissionPolicyBinding } from "@pulumi/kubernetes/admissionregistration/v1/validatingAdmissionPolicyBinding";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/customResourceDefinition";
import { DaemonSet } from "@pulumi/kubernetes/apps/v1/daemonSet";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { ResourceQuota } from "@pulumi/kubernetes/core/v1/resourceQuota";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget";
import { ClusterRole } from "@pulumi/kubernetes/rbac/v1/clusterRole";
import { ClusterRoleBinding } from "@pulumi/kubernetes/rbac/v1/clusterRoleBinding";
import { Role } from "@pulumi/kubernetes/rbac/v1/role";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/roleBinding";

/**
 * Annotations that only the Pulumi engine reads; it does not send them to the cluster's controllers. They are the one
 * difference between the objects of the two flavours.
 */
const EngineAnnotation = {
  WaitFor: "pulumi.com/waitFor",
  DeletionPropagationPolicy: "pulumi.com/deletionPropagationPolicy",
} as const;

type TypedResource = new (name: string, args: never, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource;

// Typed classes, so that the objects have the type tokens that Pulumi users know and are awaited as usual.
const TYPED: Readonly<Record<string, TypedResource>> = {
  ClusterRole,
  ClusterRoleBinding,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  ResourceQuota,
  Role,
  RoleBinding,
  ServiceAccount,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
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
  const Typed = TYPED[manifest.kind];
  return Typed === undefined ? customResource(name, manifest, opts) : new Typed(name, manifest as never, opts);
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
  return new CustomResource(name, { ...rest, metadata: { ...metadata, annotations } }, opts);
}
