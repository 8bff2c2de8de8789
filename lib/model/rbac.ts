// Exactly what the controller and the agent may do: a verb that is not used is not here.
import { RESOURCES, type Resource } from "./kubernetes";
import { CLUSTER_RANGES_CONFIG_MAP } from "./binding";
import { AGENT, CONTROLLER, HEARTBEAT_KEYS } from "./runtime";

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const READ = ["get", "list", "watch"];

function rule(
  resource: Resource,
  verbs: readonly string[],
  narrowed: { subresource?: string; name?: string } = {},
): PolicyRule {
  const { subresource, name } = narrowed;
  return {
    apiGroups: [resource.group],
    resources: [subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`],
    ...(name === undefined ? {} : { resourceNames: [name] }),
    verbs,
  };
}

/** What the rights of the controller depend on. */
export interface ControllerRights {
  readonly installGkeApi: boolean;
  readonly googleCloud: boolean;
  readonly replaceLostPods: boolean;
}

/** Cluster-wide rights of the controller. */
export function controllerClusterRules(options: ControllerRights): readonly PolicyRule[] {
  const { pods, nodes, namespaces, serviceCidrs, gatewayClasses, gateways, gkeIpRoutes, networks } = RESOURCES;
  const status = { subresource: "status" };
  return [
    ...[pods, nodes, namespaces, serviceCidrs, gatewayClasses, gateways, networks].map((kind) => rule(kind, READ)),
    // What Networks are in the cloud.
    ...(options.googleCloud ? [rule(RESOURCES.gkeNetworkParamSets, READ)] : []),
    // patch: only for the taint of a node whose VM is gone.
    ...(options.replaceLostPods ? [rule(nodes, ["patch"])] : []),
    rule(gatewayClasses, ["update", "patch"], status),
    rule(gateways, ["update", "patch"], status),
    // update and patch: only for the finalizer.
    rule(gkeIpRoutes, [...READ, "update", "patch"]),
    rule(gkeIpRoutes, ["update"], { subresource: "finalizers" }),
    rule(gkeIpRoutes, ["update", "patch"], status),
    rule(RESOURCES.addressBindings, [...READ, "create", "update", "patch", "delete"]),
    rule(RESOURCES.addressBindings, ["get", "patch"], status),
    rule(RESOURCES.customResourceDefinitions, options.installGkeApi ? [...READ, "create"] : READ),
    rule(RESOURCES.events, ["create", "patch"]),
  ];
}

/** Rights of the controller in its own namespace. Kubernetes cannot narrow `create` to a name. */
export function controllerNamespaceRules(): readonly PolicyRule[] {
  return [
    rule(RESOURCES.configMaps, ["create"]),
    rule(RESOURCES.configMaps, [...READ, "update", "patch"], { name: CLUSTER_RANGES_CONFIG_MAP }),
    rule(RESOURCES.secrets, ["create"]),
    rule(RESOURCES.secrets, [...READ, "update"], { name: HEARTBEAT_KEYS }),
    rule(RESOURCES.leases, ["create"]),
    rule(RESOURCES.leases, ["get", "update"], { name: CONTROLLER }),
  ];
}

/** Cluster-wide rights of the agent. */
export function agentClusterRules(): readonly PolicyRule[] {
  return [rule(RESOURCES.addressBindings, READ), rule(RESOURCES.addressBindings, ["patch"], { subresource: "status" })];
}

/** Rights of the agent in its own namespace. */
export function agentNamespaceRules(): readonly PolicyRule[] {
  return [rule(RESOURCES.configMaps, READ, { name: CLUSTER_RANGES_CONFIG_MAP })];
}

/** The objects that give an account its rights. */
export function rbacObjects(plan: ControllerRights & { readonly namespace: string }): readonly RbacObjects[] {
  const { namespace } = plan;
  return [
    accountObjects(CONTROLLER, namespace, controllerClusterRules(plan), controllerNamespaceRules()),
    accountObjects(AGENT, namespace, agentClusterRules(), agentNamespaceRules()),
  ];
}

export interface RbacObjects {
  readonly account: string;
  readonly objects: readonly RbacObject[];
}

/** A ServiceAccount, a role or a binding, without labels. */
export interface RbacObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** Of a ServiceAccount. */
  readonly automountServiceAccountToken?: boolean;
  readonly rules?: readonly PolicyRule[];
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

function accountObjects(
  account: string,
  namespace: string,
  clusterRules: readonly PolicyRule[],
  namespaceRules: readonly PolicyRule[],
): RbacObjects {
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1`;
  const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
  const inCluster = { name: account };
  const inNamespace = { name: account, namespace };
  return {
    account,
    objects: [
      // Only the Pods that say so get the token, not whatever else names this account.
      { apiVersion: "v1", kind: "ServiceAccount", metadata: inNamespace, automountServiceAccountToken: false },
      { apiVersion, kind: "ClusterRole", metadata: inCluster, rules: clusterRules },
      {
        apiVersion,
        kind: "ClusterRoleBinding",
        metadata: inCluster,
        roleRef: { apiGroup, kind: "ClusterRole", name: account },
        subjects,
      },
      { apiVersion, kind: "Role", metadata: inNamespace, rules: namespaceRules },
      {
        apiVersion,
        kind: "RoleBinding",
        metadata: inNamespace,
        roleRef: { apiGroup, kind: "Role", name: account },
        subjects,
      },
    ],
  };
}
