import * as pulumi from "@pulumi/pulumi";

import { isKnown, type MaybeLater } from "../model/later";
import { podInterfaces } from "../model/pod-interfaces";
import {
  checkPodNetwork,
  FIXED_NETWORK_FIELDS,
  FIXED_PARAM_SET_FIELDS,
  networkObject,
  paramSetObject,
  placesOf,
  type PodNetworkInput,
  type PodNetworkOptions,
} from "../model/pod-network";
import type { RouteNetwork } from "../model/route-network";
import type { KubernetesObject } from "./declared-resources";
import { checkArguments, checked, knownNow, nowOrLater } from "./inputs";
import { customResource } from "./kubernetes-resource";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import { amongOthers } from "./program";
import { withKubernetesProvider } from "./providers";

/** What a {@link PodNetwork} takes. */
export interface PodNetworkArgs extends PodNetworkOptions {
  /**
   * The cluster of the network. Its provider declares the objects unless the options name another one, and what does not
   * fit to it is an error: a cluster without multi-networking, or its own VPC network with type `Device`.
   *
   * @default - the Kubernetes provider of the program; nothing is checked against a cluster
   */
  cluster?: PersistentIpCluster | undefined;
  /**
   * Name of the VPC network. With `subnetwork`, and not with `networkAttachment`. Fixed after creation.
   *
   * @default - none
   */
  vpc?: pulumi.Input<string> | undefined;
  /**
   * Name of the subnetwork, in the region of the cluster. With `vpc`. Fixed after creation.
   *
   * @default - none
   */
  subnetwork?: pulumi.Input<string> | undefined;
  /**
   * Names of secondary ranges of the subnetwork, from which Pods get their addresses: at least one on a network of type
   * `L3`, none on one of type `Device`. How many there are is plain, so that it can be checked at once. A later change
   * takes effect in place.
   *
   * @default - none
   */
  secondaryRanges?: pulumi.Input<string>[] | undefined;
  /**
   * Network attachment, `projects/P/regions/R/networkAttachments/N`, instead of all of the above; type `L3` only. Fixed
   * after creation.
   *
   * @default - none
   */
  networkAttachment?: pulumi.Input<string> | undefined;
}

/**
 * A network on which Pods can have a further interface: the cluster-scoped `Network` and its `GKENetworkParamSet`, both
 * with the name of the component. The node pool must be on the same subnetwork
 * (`additionalNodeNetworkConfigs`, and with type `L3` `additionalPodNetworkConfigs`).
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
 */
export class PodNetwork extends pulumi.ComponentResource {
  /** Name of the network, for the annotations of Pods and for routes. */
  public readonly networkName: string;
  /** The `Network`. */
  public readonly network: KubernetesObject;
  /** The `GKENetworkParamSet`. */
  public readonly paramSet: KubernetesObject;

  /** @internal What is known while the program runs. */
  public readonly facts: RouteNetwork;
  /** @internal The same with nothing left to come. */
  public readonly settled: pulumi.Output<RouteNetwork>;

  constructor(name: string, args: PodNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PodNetwork", name, args, opts);
    super("podpin:index:PodNetwork", name, {}, withKubernetesProvider(opts, args.cluster?.provider));

    const { vpc, subnetwork, secondaryRanges, networkAttachment, cluster, ...options } = args;
    const program = amongOthers(this, `PodNetwork "${name}"`);
    const plan = (known: Known) => {
      const found: PodNetworkInput = { ...options, ...known, name, others: program };
      const checkedType = checked("PodNetwork", name, this, (problems) => checkPodNetwork(found, problems));
      for (const place of placesOf(found)) program.isOn(place);
      return checkedType;
    };
    const now: Known = {
      vpc: knownNow(vpc),
      subnetwork: knownNow(subnetwork),
      secondaryRanges: secondaryRanges?.map(knownNow),
      networkAttachment: knownNow(networkAttachment),
      cluster: cluster?.facts,
    };
    const type = plan(now);
    const settled = pulumi
      .output({ vpc, subnetwork, secondaryRanges, networkAttachment, cluster: cluster?.settled })
      .apply((known) => {
        plan(known as Known);
        return known as Settled;
      });
    const later = (
      value: MaybeLater<string> | undefined,
      of: (known: Settled) => string | undefined,
    ): pulumi.Input<string> | undefined =>
      value === undefined ? undefined : nowOrLater(value, () => settled.apply((known) => of(known) as string));

    const input: PodNetworkInput = { ...options, ...now, name };
    const paramSet = paramSetObject<pulumi.Input<string>>(input, {
      vpc: later(now.vpc, (known) => known.vpc),
      subnetwork: later(now.subnetwork, (known) => known.subnetwork),
      secondaryRanges: now.secondaryRanges?.map((range, index) =>
        isKnown(range) ? range : settled.apply((known) => known.secondaryRanges?.[index] as string),
      ),
      networkAttachment: later(now.networkAttachment, (known) => known.networkAttachment),
    });
    this.networkName = name;
    this.facts = { type, subnetwork: now.subnetwork };
    this.settled = settled.apply((known) => ({ type, subnetwork: known.subnetwork }));
    this.paramSet = customResource(`${name}-params`, paramSet, {
      parent: this,
      replaceOnChanges: [...FIXED_PARAM_SET_FIELDS],
      deleteBeforeReplace: true,
    });
    this.network = customResource(name, networkObject(input, type), {
      parent: this,
      dependsOn: [this.paramSet],
      replaceOnChanges: [...FIXED_NETWORK_FIELDS],
      deleteBeforeReplace: true,
    });
    this.registerOutputs({ networkName: this.networkName });
  }

  /**
   * Annotations for a Pod template whose Pods have one further interface, on this network. For several networks use
   * `podInterfaces`.
   *
   * @param interfaceName name of the interface in the Pod, `eth1` by default
   */
  public podAnnotations(interfaceName: string = "eth1"): Record<string, string> {
    return podInterfaces([{ interfaceName, network: this.networkName }]);
  }
}

/** The inputs that may come from other resources. */
type Known = Pick<PodNetworkInput, "vpc" | "subnetwork" | "secondaryRanges" | "networkAttachment" | "cluster">;

interface Settled {
  readonly vpc?: string;
  readonly subnetwork?: string;
  readonly secondaryRanges?: readonly string[];
  readonly networkAttachment?: string;
}
