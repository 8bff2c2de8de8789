// podpin's words for resources are true of the SDKs' classes, and lead back to them. Compiled only.
import type { Firewall } from "@pulumi/gcp/compute/firewall";
import type { PublicDelegatedPrefix } from "@pulumi/gcp/compute/publicDelegatedPrefix";
import type { RegionHealthCheck } from "@pulumi/gcp/compute/regionHealthCheck";
import type { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import type { DaemonSet } from "@pulumi/kubernetes/apps/v1/daemonSet";
import type { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import type { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import type {
  DaemonSetObject,
  DelegatedPrefixResource,
  DeploymentObject,
  DeploymentResource,
  FirewallResource,
  HealthCheckResource,
  KubernetesObject,
  StatefulSetResource,
} from "podpin/pulumi";

export const object = (it: CustomResource): KubernetesObject => it;
export const deployment = (it: Deployment): DeploymentObject & DeploymentResource => it;
export const daemonSet = (it: DaemonSet): DaemonSetObject => it;
export const statefulSet = (it: StatefulSet): StatefulSetResource => it;
export const rule = (it: Firewall): FirewallResource => it;
export const healthCheck = (it: RegionHealthCheck): HealthCheckResource => it;
export const prefix = (it: PublicDelegatedPrefix): DelegatedPrefixResource => it;

export const objectBack = (it: KubernetesObject): CustomResource => it as CustomResource;
export const deploymentBack = (it: DeploymentObject): Deployment => it as Deployment;
export const daemonSetBack = (it: DaemonSetObject): DaemonSet => it as DaemonSet;
export const ruleBack = (it: FirewallResource): Firewall => it as Firewall;
export const healthCheckBack = (it: HealthCheckResource): RegionHealthCheck => it as RegionHealthCheck;
export const prefixBack = (it: DelegatedPrefixResource): PublicDelegatedPrefix => it as PublicDelegatedPrefix;
