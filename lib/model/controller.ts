// What a PersistentIpController takes, and what is wrong with it.
import { addressToNumber, isIPv4Cidr, isIPv4 } from "./address";
import { checkChoice } from "./choices";
import { GkeClassFabric } from "./classes";
import { isKnown, type MaybeLater } from "./later";
import { checkNamespaceName, checkSelector } from "./names";
import type { Problems } from "./problems";
import { PODPIN_NAMESPACE } from "./runtime";

/** What the controller component takes in both flavours besides its image. */
export interface ControllerOptions {
  /**
   * Namespace of the controller and the agents. A later change replaces both; addresses keep working meanwhile.
   *
   * @default "podpin-system"
   */
  namespace?: string;
  /**
   * Whether to create that namespace. With false it must exist, and admit Pods on the host network (Pod Security
   * Standard `privileged`).
   *
   * @default true
   */
  createNamespace?: boolean;
  /**
   * Installs the six `gke-…` GatewayClasses on this fabric, so that YAML written for GKE runs on other clusters
   * unchanged: announced on the shared segment (`l2`), or by your own routing (`none`). Never set it on GKE, where these
   * classes are Google's.
   *
   * @default - the six classes are not touched
   */
  gkeClassFabric?: GkeClassFabric;
  /**
   * Whether the controller creates GKE's CustomResourceDefinitions (GKEIPRoute, Network, GKENetworkParamSet) where they
   * are absent. It never changes existing ones. They go when podpin goes.
   *
   * @default true
   */
  installGkeApi?: boolean;
  /**
   * IPv4 ranges of the cluster's own Pods, Services and nodes, for example `["10.8.0.0/14"]`. Traffic to them keeps the
   * Pod's own address as source. A later change takes effect at once.
   *
   * @default - the controller finds them from Nodes and ServiceCIDRs
   */
  clusterCidrs?: string[];
  /**
   * Interface of the nodes on which addresses arrive, for example `eth0`. At most 15 characters.
   *
   * @default - on each node the interface that has the node's own address
   */
  uplink?: string;
  /**
   * Labels of the nodes that run an agent. Only Pods on these nodes can have persistent addresses.
   *
   * @default - every Linux node
   */
  nodeSelector?: Record<string, string>;
  /**
   * Taints that the agent tolerates, instead of all.
   *
   * @default - every taint
   */
  tolerations?: Toleration[];
}

/** A Kubernetes toleration. */
export interface Toleration {
  /**
   * Key of the taint.
   *
   * @default - every key, with operator `Exists`
   */
  key?: string;
  /**
   * `Equal` or `Exists`.
   *
   * @default "Equal"
   */
  operator?: string;
  /**
   * Value of the taint, with operator `Equal`.
   *
   * @default ""
   */
  value?: string;
  /**
   * `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
   *
   * @default - every effect
   */
  effect?: string;
  /**
   * How long a `NoExecute` taint is tolerated, in seconds.
   *
   * @default - for ever
   */
  tolerationSeconds?: number;
}

export interface ControllerInput extends ControllerOptions {
  readonly image: MaybeLater<string | undefined>;
}

export interface ControllerPlan extends ControllerOptions {
  readonly namespace: string;
  readonly createNamespace: boolean;
  readonly installGkeApi: boolean;
  readonly clusterCidrs: string[];
}

const TOLERATION_OPERATOR = { Equal: "Equal", Exists: "Exists" };
const TAINT_EFFECT = { NoSchedule: "NoSchedule", PreferNoSchedule: "PreferNoSchedule", NoExecute: "NoExecute" };

const HOST = "[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?(?::\\d+)?";
const PATH_PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
/** An image reference (distribution/reference). */
const IMAGE = new RegExp(
  `^(?:${HOST}/)?${PATH_PART}(?:/${PATH_PART})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/** `IFNAMSIZ` of Linux less its closing zero; no blank and no slash. */
const INTERFACE = /^[^\s/]{1,15}$/;

/** Fills in the defaults of a controller and reports what is wrong with it. */
export function planController(input: ControllerInput, problems: Problems): ControllerPlan {
  const { image, ...options } = input;
  const plan = {
    ...options,
    namespace: input.namespace ?? PODPIN_NAMESPACE,
    createNamespace: input.createNamespace ?? true,
    installGkeApi: input.installGkeApi ?? true,
    clusterCidrs: input.clusterCidrs ?? [],
  };
  if (isKnown(image) && (image === undefined || !IMAGE.test(image))) {
    problems.add(
      "image",
      image,
      'use the reference of podpin\'s image, best with its digest, for example "registry.example.com/podpin@sha256:…"',
    );
  }
  checkNamespaceName("namespace", plan.namespace, problems);
  if (input.gkeClassFabric !== undefined) {
    checkChoice("gkeClassFabric", input.gkeClassFabric, GkeClassFabric, problems);
  }
  plan.clusterCidrs.forEach((cidr, index) => checkCidr(`clusterCidrs[${index}]`, cidr, problems));
  if (input.uplink !== undefined && !INTERFACE.test(input.uplink)) {
    problems.add("uplink", input.uplink, "use the name of a network interface, at most 15 characters without blanks");
  }
  if (input.nodeSelector !== undefined) {
    checkSelector("nodeSelector", input.nodeSelector, "leave it out for every node", problems);
  }
  (input.tolerations ?? []).forEach(({ operator, effect }, index) => {
    if (operator !== undefined) checkChoice(`tolerations[${index}].operator`, operator, TOLERATION_OPERATOR, problems);
    if (effect !== undefined) checkChoice(`tolerations[${index}].effect`, effect, TAINT_EFFECT, problems);
  });
  return plan;
}

function checkCidr(field: string, cidr: string, problems: Problems): void {
  if (isIPv4Cidr(cidr)) return;
  const base = baseOfCidr(cidr);
  problems.add(field, cidr, base === undefined ? 'use an IPv4 range, for example "10.8.0.0/14"' : `use "${base}"`);
}

/** The range in which an address such as 10.9.0.1/14 lies; undefined where the text is something else. */
function baseOfCidr(cidr: string): string | undefined {
  const [address = "", bits = ""] = String(cidr).split("/");
  if (!isIPv4(address)) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(addressToNumber(address) / size) * size;
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  const base = `${octets.join(".")}/${bits}`;
  return isIPv4Cidr(base) ? base : undefined;
}
