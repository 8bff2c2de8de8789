import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { typedAddress } from "../model/address";
import { isKnown, type MaybeLater } from "../model/later";
import { gatewayObject, planPool, type PoolInput, type PoolOptions, type PoolPlan } from "../model/pool";
import { notePool } from "../model/pool-others";
import { computeAddressObject } from "../model/pool-reservation";
import type { Claim } from "../model/route";
import { chartNamespace, checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import type { PersistentIpController } from "./persistent-ip-controller";
import type { PersistentIpPoolReservationProps } from "./persistent-ip-pool-reservation";
import { amongOthers } from "./program";

/** What every {@link PersistentIpPool} takes, wherever its addresses come from. */
export interface PersistentIpPoolCommonProps extends PoolOptions {
  /**
   * The cluster of the pool. Its region and project are the defaults for addresses to reserve, and what does not fit to
   * it is an error.
   *
   * @default - none: nothing is checked against a cluster
   */
  readonly cluster?: PersistentIpCluster | undefined;
  /**
   * Namespace of the pool's Gateways. Fixed after creation.
   *
   * @default - the namespace of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * The controller that runs the routes of this pool. Without it they are GKE's own, which needs GKE Standard 1.31 or
   * later with Dataplane V2 and the Gateway API switched on. Fixed after creation, as the GatewayClass follows from it.
   *
   * @default - GKE's own
   */
  readonly controller?: PersistentIpController | undefined;
}

/** What a {@link PersistentIpPool} that reserves its addresses takes. */
export interface PersistentIpPoolProps extends PersistentIpPoolCommonProps, PersistentIpPoolReservationProps {
  /** @internal */
  readonly adopted?: string[] | undefined;
}

/** What {@link PersistentIpPool.fromAddresses} takes. */
export interface PersistentIpPoolFromAddressesProps extends PersistentIpPoolCommonProps {
  /**
   * The addresses as literals, `198.51.100.7` or `198.51.100.7/32`, at least one, each once: nothing that the cluster or
   * the cloud decides is known at synthesis. More may be appended later without moving any; removing one takes it from
   * the route that has it.
   */
  readonly addresses: string[];
}

/**
 * Persistent addresses, and which namespaces may use them: addresses that it reserves by way of Config Connector, or that
 * you have already ({@link PersistentIpPool.fromAddresses}), and a Gateway, or several with more than 16 addresses.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpPool extends Construct {
  /** The addresses, `a.b.c.d`, in the order of their index or in which they were given. */
  public readonly addresses: string[];
  /** The Gateways that list them: the first one has the name of the pool, later ones end in `-2`, `-3` and so on. */
  public readonly gateways: ApiObject[];
  /** The `ComputeAddress` objects of the addresses that the pool reserves, in order; none where it adopts. */
  public readonly reserved: ApiObject[];

  /** @internal */
  public readonly plan: PoolPlan;
  /** @internal Positions that a route holds, with its name. */
  public readonly claims: Map<number, Claim>;
  /** @internal */
  public readonly cluster: PersistentIpCluster | undefined;

  /**
   * Makes a pool of addresses that you have already.
   *
   * @param id id of the construct and name of its first Gateway
   */
  public static fromAddresses(
    scope: Construct,
    id: string,
    props: PersistentIpPoolFromAddressesProps,
  ): PersistentIpPool {
    const { addresses, ...rest } = checkProperties("PersistentIpPool.fromAddresses", id, props);
    return new PersistentIpPool(scope, id, { ...rest, adopted: addresses });
  }

  /** Reserves the addresses of the pool; {@link PersistentIpPool.fromAddresses} takes those that exist. */
  constructor(scope: Construct, id: string, props: PersistentIpPoolProps) {
    props = checkProperties("PersistentIpPool", id, props);
    super(scope, id);

    const program = amongOthers(this, `PersistentIpPool "${id}"`, props.cluster);
    const { namespace = chartNamespace(this) } = props;
    this.plan = checked("PersistentIpPool", id, (problems) =>
      planPool({ ...poolInput(id, props), namespace, others: program }, problems),
    );
    notePool(program, this.plan);
    // Every address is a literal here, so none is left to come.
    this.addresses = this.plan.addresses as string[];
    this.claims = new Map();
    this.cluster = props.cluster;

    const { reservation } = this.plan;
    const { subnetwork, ipCollection, labels } = props;
    const project = props.project ?? knownOrNone(props.cluster?.facts.project);
    this.reserved =
      reservation?.addresses.map((reserved, index) => {
        const manifest = computeAddressObject(reservation, reserved, {
          namespace: this.plan.namespace as string,
          region: reservation.region as string,
          address: this.addresses[index] ?? "",
          project,
          subnetwork,
          ipCollection,
          labels,
        });
        return kubernetesObject(this, `Address${reserved.suffix}`, manifest);
      }) ?? [];
    this.gateways = this.plan.gateways.map((gateway, index) => {
      const cidrs = gateway.positions.map((position) => typedAddress(this.addresses[position] ?? "").value);
      const manifest = gatewayObject(gateway, { namespace: this.plan.namespace as string, cidrs });
      const object = kubernetesObject(this, index === 0 ? "Resource" : `Resource-${index + 1}`, manifest);
      if (props.controller !== undefined) object.addDependency(props.controller);
      object.addDependency(...gateway.positions.flatMap((position) => this.reserved[position] ?? []));
      return object;
    });
  }
}

function poolInput(id: string, props: PersistentIpPoolProps): PoolInput {
  const { gatewayClassName, addressType, mode, allowedNamespaces, namespaceSelector, controller } = props;
  const options = { gatewayClassName, addressType, mode, allowedNamespaces, namespaceSelector, controller };
  const common = { ...options, name: id, cluster: props.cluster?.facts };
  if (props.adopted !== undefined) return { ...common, addresses: props.adopted };
  const { size, networkTier, addressNamePrefix, protectAddresses } = props;
  const { addresses, region, subnetwork, subnetworkRange, ipCollection } = props;
  const asked = { addresses, region, subnetwork, subnetworkRange, ipCollection, literalsOnly: true };
  return { ...common, reserve: { size, networkTier, addressNamePrefix, protectAddresses, ...asked } };
}

function knownOrNone(value: MaybeLater<string> | undefined): string | undefined {
  return value === undefined || !isKnown(value) ? undefined : value;
}
