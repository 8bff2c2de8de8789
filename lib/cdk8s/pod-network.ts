import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { podInterfaces } from "../model/pod-interfaces";
import { checkPodNetwork, networkObject, paramSetObject, placesOf, type PodNetworkOptions } from "../model/pod-network";
import type { RouteNetwork } from "../model/route-network";
import { checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import { amongOthers } from "./program";

/** What a {@link PodNetwork} takes. */
export interface PodNetworkProps extends PodNetworkOptions {
  /**
   * The cluster of the network. What does not fit to it is an error: a cluster without multi-networking, or its own VPC
   * network with type `Device`.
   *
   * @default - none: nothing is checked against a cluster
   */
  readonly cluster?: PersistentIpCluster | undefined;
  /**
   * Name of the VPC network. With `subnetwork`, and not with `networkAttachment`. Fixed after creation.
   *
   * @default - none
   */
  readonly vpc?: string | undefined;
  /**
   * Name of the subnetwork, in the region of the cluster. With `vpc`. Fixed after creation.
   *
   * @default - none
   */
  readonly subnetwork?: string | undefined;
  /**
   * Names of secondary ranges of the subnetwork, from which Pods get their addresses: at least one on a network of type
   * `L3`, none on one of type `Device`. A later change takes effect in place.
   *
   * @default - none
   */
  readonly secondaryRanges?: string[] | undefined;
  /**
   * Network attachment, `projects/P/regions/R/networkAttachments/N`, instead of all of the above; type `L3` only. Fixed
   * after creation.
   *
   * @default - none
   */
  readonly networkAttachment?: string | undefined;
}

/**
 * A network on which Pods can have a further interface: the cluster-scoped `Network` and its `GKENetworkParamSet`, both
 * with the id of the construct as name. The node pool must be on the same subnetwork
 * (`additionalNodeNetworkConfigs`, and with type `L3` `additionalPodNetworkConfigs`).
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
 */
export class PodNetwork extends Construct {
  /** Name of the network, for the annotations of Pods and for routes. */
  public readonly networkName: string;
  /** The `Network`. */
  public readonly network: ApiObject;
  /** The `GKENetworkParamSet`. */
  public readonly paramSet: ApiObject;

  /** @internal */
  public readonly facts: RouteNetwork;

  constructor(scope: Construct, id: string, props: PodNetworkProps) {
    props = checkProperties("PodNetwork", id, props);
    super(scope, id);

    const { cluster, ...rest } = props;
    const program = amongOthers(this, `PodNetwork "${id}"`, cluster);
    const input = { ...rest, name: id, cluster: cluster?.facts, others: program };
    const type = checked("PodNetwork", id, (problems) => checkPodNetwork(input, problems));
    for (const place of placesOf(input)) program.isOn(place);
    const { vpc, subnetwork, secondaryRanges, networkAttachment } = props;
    this.networkName = id;
    this.facts = { type, subnetwork };
    this.paramSet = kubernetesObject(
      this,
      "Params",
      paramSetObject(input, { vpc, subnetwork, secondaryRanges, networkAttachment }),
    );
    this.network = kubernetesObject(this, "Resource", networkObject(input, type));
    this.network.addDependency(this.paramSet);
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
