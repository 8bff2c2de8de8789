import * as pulumi from "@pulumi/pulumi";

import { warningOf } from "../model/argument-names";
import { isKnown, LATER } from "../model/later";
import {
  checkedPodSetup,
  planPodSetup,
  type PodSetupContainerObject,
  type PodSetupOptions,
  type PodSysctl,
  setupContainers,
} from "../model/pod-setup";
import { checkShape, Flavour } from "../model/shape";
import { ARGUMENT_NAMES } from "./argument-names";
import type { PersistentIpPool } from "./persistent-ip-pool";
import type { PodNetwork } from "./pod-network";

/** What {@link podSetup} takes. */
export interface PodSetupArgs extends PodSetupOptions {
  /** The pool that has the addresses. */
  pool: PersistentIpPool;
  /**
   * The addresses that every Pod of the template takes, for a Deployment or a single Pod: packets for them still go to
   * one Pod only. Without this each Pod of a StatefulSet takes its own, by the same rules as `PinnedStatefulSet`. A
   * later change rolls the Pods.
   *
   * @default - each Pod of a StatefulSet takes its own
   */
  addresses?: pulumi.Input<string>[] | undefined;
  /**
   * The `Network` of the addresses, as on the route: its name, or the `PodNetwork`. A later change rolls the Pods.
   *
   * @default "default"
   */
  network?: string | PodNetwork | undefined;
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
export type PodSetupContainer = PodSetupContainerObject<pulumi.Input<string>>;

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
export function podSetup(args: PodSetupArgs): PodSetup {
  const names = ARGUMENT_NAMES.podSetup;
  const foreign = checkedPodSetup((problems) => checkShape(Flavour.Pulumi, "podSetup", args, names, problems));
  const warning = warningOf("podSetup", foreign, names);
  if (warning !== undefined) void pulumi.log.warn(warning);
  const { pool, addresses, network, ...options } = args;
  const networkName = typeof network === "object" ? network.networkName : network;
  const plan = checkedPodSetup((problems) =>
    planPodSetup({ ...options, network: networkName, pool: pool.plan, sharedCount: addresses?.length }, problems),
  );
  const own = (position: number): pulumi.Input<string> => {
    const known = pool.plan.addresses[position] ?? LATER;
    return isKnown(known) ? known : (pool.addresses[position] ?? "");
  };
  return {
    annotations: plan.annotations,
    securityContext: { sysctls: [...plan.sysctls] },
    initContainers: setupContainers(plan, (position) => addresses?.[position] ?? own(position)),
  };
}
