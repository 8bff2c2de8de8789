import { warningOf } from "../model/argument-names";
import {
  checkedPodSetup,
  planPodSetup,
  type PodSetupContainerObject,
  type PodSetupOptions,
  type PodSysctl,
  setupContainers,
} from "../model/pod-setup";
import { checkShape, Flavour } from "../model/shape";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { PROPERTY_NAMES } from "./property-names";
import { networkName, type NetworkReference } from "./route-objects";

/** What {@link podSetup} takes. */
export interface PodSetupProps extends PodSetupOptions {
  /** The pool that has the addresses. */
  readonly pool: PersistentIpPool;
  /**
   * The addresses that every Pod of the template takes, for a Deployment or a single Pod: packets for them still go to
   * one Pod only. Without this each Pod of a StatefulSet takes its own, by the same rules as `PinnedStatefulSet`. A
   * later change rolls the Pods.
   *
   * @default - each Pod of a StatefulSet takes its own
   */
  readonly addresses?: string[] | undefined;
  /**
   * The `Network` of the addresses, as on the route: its name, or the `PodNetwork`. A later change rolls the Pods.
   *
   * @default "default"
   */
  readonly network?: NetworkReference | undefined;
}

/** What {@link podSetup} gives: parts of a Pod template. */
export interface PodSetup {
  /** For `metadata.annotations`: the interface on a further network. */
  readonly annotations: Record<string, string>;
  /** For `spec.securityContext`. */
  readonly securityContext: PodSetupPodSecurityContext;
  /** For `spec.initContainers`. */
  readonly initContainers: PodSetupContainer[];
}

/** The init container that adds the addresses. */
export type PodSetupContainer = PodSetupContainerObject<string>;

/** The part of a Pod's security context that is set. */
export interface PodSetupPodSecurityContext {
  /** The sysctls, none where the node pool allows none. */
  readonly sysctls: PodSysctl[];
}

/**
 * Parts of a Pod template that let ordinary programs use their addresses with delivery `app`. Spread them into the
 * template before you create the workload; a later change rolls the Pods.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export function podSetup(props: PodSetupProps): PodSetup {
  const names = PROPERTY_NAMES.podSetup;
  const foreign = checkedPodSetup((problems) => checkShape(Flavour.Cdk8s, "podSetup", props, names, problems));
  const warning = warningOf("podSetup", foreign, names);
  if (warning !== undefined) process.emitWarning(warning);
  const { pool, addresses, network, ...options } = props;
  const plan = checkedPodSetup((problems) =>
    planPodSetup(
      { ...options, network: networkName(network), pool: pool.plan, sharedCount: addresses?.length },
      problems,
    ),
  );
  return {
    annotations: plan.annotations,
    securityContext: { sysctls: [...plan.sysctls] },
    initContainers: setupContainers(plan, (position) => addresses?.[position] ?? pool.addresses[position] ?? ""),
  };
}
