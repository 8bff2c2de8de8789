// The few Kubernetes types that podpin speaks, as plain data. Only the fields that something here reads.

/** Metadata of an object as the API server returns it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** Any object of Kubernetes. */
export interface KubeObject {
  /** Group and version, for example `podpin.dev/v1alpha1`; absent in lists. */
  readonly apiVersion?: string;
  /** Kind, for example `AddressBinding`; absent in lists. */
  readonly kind?: string;
  /** Name, labels and what the API server keeps about it. */
  readonly metadata: ObjectMeta;
}

/** `metav1.Condition`. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
}

/** `metav1.LabelSelector`. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

export interface LabelSelectorRequirement {
  readonly key: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly readinessGates?: readonly { readonly conditionType: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    /** Of each family one; {@link podIP} is the first. */
    readonly podIPs?: readonly { readonly ip?: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Node extends KubeObject {
  readonly spec?: {
    /** What the node's machine is called by whoever runs it, for example `gce://my-project/us-central1-a/node-1`. */
    readonly providerID?: string;
    readonly podCIDRs?: readonly string[];
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect?: string }[];
  };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly Pick<Condition, "type" | "status" | "lastTransitionTime">[];
  };
}

export interface Namespace extends KubeObject {}

/** Where a kind lives in the API. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `v1` or `group/version`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** `namespace/name`, or the name alone for cluster-scoped objects. */
export function keyOf(object: { readonly metadata: { readonly name: string; readonly namespace?: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

const resource = (group: string, version: string, plural: string, kind: string, namespaced: boolean): Resource => ({
  group,
  version,
  plural,
  kind,
  namespaced,
});

/** Every kind that the controller or the agent reads or writes. */
export const RESOURCES = {
  pods: resource("", "v1", "pods", "Pod", true),
  nodes: resource("", "v1", "nodes", "Node", false),
  namespaces: resource("", "v1", "namespaces", "Namespace", false),
  configMaps: resource("", "v1", "configmaps", "ConfigMap", true),
  secrets: resource("", "v1", "secrets", "Secret", true),
  events: resource("events.k8s.io", "v1", "events", "Event", true),
  leases: resource("coordination.k8s.io", "v1", "leases", "Lease", true),
  serviceCidrs: resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", false),
  customResourceDefinitions: resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    false,
  ),
  gatewayClasses: resource("gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass", false),
  gateways: resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway", true),
  gkeIpRoutes: resource("networking.gke.io", "v1", "gkeiproutes", "GKEIPRoute", true),
  networks: resource("networking.gke.io", "v1", "networks", "Network", false),
  gkeNetworkParamSets: resource("networking.gke.io", "v1", "gkenetworkparamsets", "GKENetworkParamSet", false),
  addressBindings: resource("podpin.dev", "v1alpha1", "addressbindings", "AddressBinding", false),
} as const;
