// What a PersistentIpController takes, and what is wrong with it.
import { baseOfCidr, isIPv4Cidr } from "./address";
import { checkChoice } from "./choices";
import { GkeClassFabric, PODPIN_L2_CLASS } from "./classes";
import type { ClusterFacts } from "./cluster-facts";
import type { OtherComponents } from "./declarations";
import { type GoogleCloudOptions, type GoogleCloudDriver, planGoogleCloud } from "./google-cloud";
import { checkGoogleCloud, DEFAULT_ROLE_ID, type GoogleCloudInput } from "./iam";
import { checkImage, type ImageInput } from "./image";
import { isKnown } from "./later";
import { checkNamespaceName, checkSelector } from "./names";
import type { Problems } from "./problems";
import { PODPIN_NAMESPACE } from "./runtime";

/** Says aloud that podpin's agents are to run beside Google's own on Dataplane V2. */
export const DataplaneV2 = {
  /** Tried on no real cluster yet. */
  Experimental: "experimental",
} as const;
export type DataplaneV2 = (typeof DataplaneV2)[keyof typeof DataplaneV2];

/** What the controller component takes in both flavours besides its image and its cluster. */
export interface ControllerOptions extends GoogleCloudOptions {
  /**
   * Namespace of the controller and the agents. A later change replaces both; addresses keep working meanwhile.
   *
   * @default "podpin-system"
   */
  namespace?: string | undefined;
  /**
   * Whether to create that namespace. With false it must exist, and admit Pods on the host network (Pod Security
   * Standard `privileged`). With Pulumi a later change to false deletes the namespace, with all that is in it.
   *
   * @default true
   */
  createNamespace?: boolean | undefined;
  /**
   * Installs the six `gke-…` GatewayClasses on this fabric, so that YAML written for GKE runs on other clusters
   * unchanged: announced on the shared segment (`l2`), or by your own routing (`none`). Never set it on GKE, where these
   * classes are Google's; with `cluster` that is an error. A later change moves the routes of these classes to the other
   * fabric.
   *
   * @default - the six classes are not touched
   */
  gkeClassFabric?: GkeClassFabric | undefined;
  /**
   * Whether the controller creates GKE's CustomResourceDefinitions (GKEIPRoute, Network, GKENetworkParamSet) where they
   * are absent. It never changes existing ones. They go when podpin goes. A later change to false takes none away.
   *
   * @default true
   */
  installGkeApi?: boolean | undefined;
  /**
   * IPv4 ranges of the cluster's own Pods, Services and nodes, for example `["10.8.0.0/14"]`. Traffic to them keeps the
   * Pod's own address as source. A later change takes effect at once.
   *
   * @default - those of `cluster`; and the controller finds them from Nodes and ServiceCIDRs
   */
  clusterCidrs?: string[] | undefined;
  /**
   * Lets podpin run on a cluster with Dataplane V2, with the value `experimental`. Google's node agent there acts on
   * every GKEIPRoute that is Accepted with a Pod in its status, whoever wrote that, and its programs see packets before
   * podpin's rules do. What the two do together has been tried on no real cluster. Only a check: no object changes
   * with it, and there is none on other clusters.
   *
   * @default - a `cluster` with Dataplane V2 is refused
   */
  dataplaneV2?: DataplaneV2 | undefined;
  /**
   * Whether a NetworkPolicy limits the controller: in to its health port; out to `apiServerPorts`, and to Google's APIs
   * where `googleCloudProject` is given. The agents are on their nodes' network, which no NetworkPolicy covers. A later
   * change takes effect at once.
   *
   * @default true
   */
  networkPolicy?: boolean | undefined;
  /**
   * TCP ports, 1 to 65535, at which the controller may reach the API server: the port of the Service `kubernetes` in
   * namespace `default`, and the one that the API server itself listens on. Only for `networkPolicy`. A later change
   * takes effect at once.
   *
   * @default [443, 6443, 8443]
   */
  apiServerPorts?: number[] | undefined;
  /**
   * Interface of the nodes on which addresses arrive, for example `eth0`. At most 15 characters. A later change
   * restarts the agents; addresses keep working meanwhile.
   *
   * @default - on each node the interface that has the node's own address
   */
  uplink?: string | undefined;
  /**
   * Whether routes may have delivery `interface`: the agent adds the address to the Pod's own interface, so that any
   * program binds it without privileges. For that the agents enter the network namespaces of Pods, which takes the
   * capability `SYS_ADMIN` and the nodes' folder `/var/run/netns`; without it they have neither, and such routes say
   * DeliveryNotSupported. A later change to false leaves addresses inside Pods until the Pods go, but nothing arrives at
   * them.
   *
   * @default false
   */
  interfaceDelivery?: boolean | undefined;
  /**
   * Labels of the nodes that run an agent. Only Pods on these nodes can have persistent addresses. With a later change
   * agents come and go; addresses of Pods on a node without one no longer follow their Pods.
   *
   * @default - every Linux node
   */
  nodeSelector?: Record<string, string> | undefined;
  /**
   * Taints that the agent tolerates, instead of all. With a later change agents come and go, as with one of
   * `nodeSelector`.
   *
   * @default - every taint
   */
  tolerations?: Toleration[] | undefined;
}

/** A Kubernetes toleration. */
export interface Toleration {
  /**
   * Key of the taint.
   *
   * @default - every key, with operator `Exists`
   */
  key?: string | undefined;
  /**
   * `Equal` or `Exists`.
   *
   * @default "Equal"
   */
  operator?: string | undefined;
  /**
   * Value of the taint, with operator `Equal`.
   *
   * @default ""
   */
  value?: string | undefined;
  /**
   * `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
   *
   * @default - every effect
   */
  effect?: string | undefined;
  /**
   * How long a `NoExecute` taint is tolerated, in seconds.
   *
   * @default - for ever
   */
  tolerationSeconds?: number | undefined;
}

export interface ControllerInput extends ControllerOptions, ImageInput, GoogleCloudInput {
  readonly name?: string;
  readonly cluster?: ClusterFacts;
  /** The rest of the program. */
  readonly others?: OtherComponents;
}

export interface ControllerPlan extends ControllerOptions {
  readonly namespace: string;
  readonly createNamespace: boolean;
  readonly installGkeApi: boolean;
  readonly clusterCidrs: string[];
  readonly interfaceDelivery: boolean;
  readonly networkPolicy: boolean;
  readonly apiServerPorts: number[];
  /** Whether the image is built from the packaged context. */
  readonly buildImage: boolean;
  /** Whether the controller gets an identity in Google Cloud. */
  readonly googleCloud: boolean;
  /** Whether the network is in another project, by its Shared VPC. */
  readonly sharedVpc: boolean;
  readonly googleCloudRoleId: string;
  readonly googleCloudDriver: GoogleCloudDriver;
  readonly replaceLostPods: boolean;
}

/** Of the Service everywhere; of the API server with kubeadm, kind, k3s and OpenShift; and with minikube. */
const API_SERVER_PORTS = [443, 6443, 8443];

const TOLERATION_OPERATOR = { Equal: "Equal", Exists: "Exists" };
const TAINT_EFFECT = { NoSchedule: "NoSchedule", PreferNoSchedule: "PreferNoSchedule", NoExecute: "NoExecute" };

/** `IFNAMSIZ` of Linux less its closing zero; no blank and no slash. */
const INTERFACE = /^[^\s/]{1,15}$/;

/** Two controllers on one cluster would take each other's classes and definitions for their own. */
function checkOnlyController({ name = "", others }: ControllerInput, problems: Problems): void {
  const holder = others?.controller();
  if (holder === undefined) return;
  problems.add(
    "name",
    name,
    `${holder} is on this cluster already, and one serves all of it: leave one of the two out`,
  );
}

/** Fills in the defaults of a controller and reports what is wrong with it. */
export function planController(input: ControllerInput, problems: Problems): ControllerPlan {
  const { cluster } = input;
  checkOnlyController(input, problems);
  const { build } = checkImage(input, problems);
  const plan: ControllerPlan = {
    namespace: input.namespace ?? PODPIN_NAMESPACE,
    createNamespace: input.createNamespace ?? true,
    gkeClassFabric: input.gkeClassFabric,
    installGkeApi: input.installGkeApi ?? true,
    clusterCidrs: input.clusterCidrs ?? clusterCidrsOf(cluster),
    uplink: input.uplink,
    interfaceDelivery: input.interfaceDelivery ?? false,
    nodeSelector: input.nodeSelector,
    tolerations: input.tolerations,
    networkPolicy: input.networkPolicy ?? true,
    apiServerPorts: input.apiServerPorts ?? API_SERVER_PORTS,
    buildImage: build,
    googleCloud: checkGoogleCloud(input, problems),
    sharedVpc: input.googleCloudHostProject !== undefined,
    googleCloudRoleId: input.googleCloudRoleId ?? DEFAULT_ROLE_ID,
    ...planGoogleCloud(input, problems),
  };
  checkNamespaceName("namespace", plan.namespace, problems);
  if (input.gkeClassFabric !== undefined) {
    checkChoice("gkeClassFabric", input.gkeClassFabric, GkeClassFabric, problems);
  }
  if (input.dataplaneV2 !== undefined) checkChoice("dataplaneV2", input.dataplaneV2, DataplaneV2, problems);
  if (cluster !== undefined) checkCluster(input, cluster, problems);
  plan.clusterCidrs.forEach((cidr, index) => checkCidr(`clusterCidrs[${index}]`, cidr, problems));
  if (input.uplink !== undefined && !INTERFACE.test(input.uplink)) {
    problems.add("uplink", input.uplink, "use the name of a network interface, at most 15 characters without blanks");
  }
  if (input.nodeSelector !== undefined) {
    checkSelector("nodeSelector", input.nodeSelector, "leave it out for every node", problems);
  }
  if (plan.apiServerPorts.length === 0) {
    problems.add("apiServerPorts", plan.apiServerPorts, "use at least one port, or set networkPolicy: false");
  }
  plan.apiServerPorts.forEach((port, index) => {
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      problems.add(`apiServerPorts[${index}]`, port, "use a TCP port, a whole number from 1 to 65535");
    }
  });
  (input.tolerations ?? []).forEach(({ operator, effect }, index) => {
    if (operator !== undefined) checkChoice(`tolerations[${index}].operator`, operator, TOLERATION_OPERATOR, problems);
    if (effect !== undefined) checkChoice(`tolerations[${index}].effect`, effect, TAINT_EFFECT, problems);
  });
  return plan;
}

/** What the controller must not do on this cluster. */
function checkCluster(input: ControllerInput, cluster: ClusterFacts, problems: Problems): void {
  const name = isKnown(cluster.name) ? `cluster "${cluster.name}"` : "the cluster";
  if (input.gkeClassFabric !== undefined) {
    problems.add(
      "gkeClassFabric",
      input.gkeClassFabric,
      `${name} is GKE, where these six classes are Google's: leave it out, and use podpin's own, for example "${PODPIN_L2_CLASS}"`,
    );
  }
  // What is given and not known has been told about already.
  if (cluster.dataplaneV2 === true && input.dataplaneV2 === undefined) {
    problems.add(
      "dataplaneV2",
      input.dataplaneV2,
      `${name} has Dataplane V2, whose node agent acts on every GKEIPRoute that is Accepted with a Pod in its status, whoever wrote that, and before podpin's own rules: leave PersistentIpController out to have GKE's own controller, or set dataplaneV2: "${DataplaneV2.Experimental}"`,
    );
  }
}

/** The ranges of a cluster, as far as they are known. */
function clusterCidrsOf(cluster: ClusterFacts | undefined): string[] {
  if (cluster === undefined) return [];
  return [cluster.podCidr, cluster.serviceCidr].filter((cidr): cidr is string => isKnown(cidr) && cidr !== "");
}

function checkCidr(field: string, cidr: string, problems: Problems): void {
  if (isIPv4Cidr(cidr)) return;
  const base = baseOfCidr(cidr);
  problems.add(field, cidr, base === undefined ? 'use an IPv4 range, for example "10.8.0.0/14"' : `use "${base}"`);
}
