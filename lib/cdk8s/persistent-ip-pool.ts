import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { typedAddress } from "../model/address";
import { gatewayObject, planPool, type PoolOptions, type PoolPlan } from "../model/pool";
import { checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpController } from "./persistent-ip-controller";

/** What every {@link PersistentIpPool} takes. */
export interface PersistentIpPoolProps extends PoolOptions {
  /**
   * Namespace of the pool's Gateways. Fixed after creation.
   *
   * @default "default"
   */
  readonly namespace?: string;
  /**
   * The controller that runs the routes of this pool. Without it they are GKE's own, which needs GKE Standard 1.31 or
   * later with Dataplane V2 and the Gateway API switched on. Fixed after creation, as the GatewayClass follows from it.
   *
   * @default - GKE's own
   */
  readonly controller?: PersistentIpController;

  /** @internal */
  readonly adopted?: string[];
}

/** What {@link PersistentIpPool.fromAddresses} takes. */
export interface PersistentIpPoolFromAddressesProps extends PersistentIpPoolProps {
  /**
   * The addresses as literals, `198.51.100.7` or `198.51.100.7/32`, at least one, each once: nothing that the cluster or
   * the cloud decides is known at synthesis. More may be appended later without moving any; removing one takes it from
   * the route that has it.
   */
  readonly addresses: string[];
}

/**
 * Persistent addresses, and which namespaces may use them: a Gateway, or several with more than 16 addresses.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpPool extends Construct {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: string[];
  /** The Gateways that list them: the first one has the name of the pool, later ones end in `-2`, `-3` and so on. */
  public readonly gateways: ApiObject[];

  /** @internal */
  public readonly plan: PoolPlan;
  /** @internal Positions that a route holds, with its name. */
  public readonly claims: Map<number, string>;

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
    const { addresses, ...rest } = props;
    return new PersistentIpPool(scope, id, { ...rest, adopted: addresses });
  }

  /** Reserving addresses comes in a later version; use {@link PersistentIpPool.fromAddresses}. */
  constructor(scope: Construct, id: string, props: PersistentIpPoolProps) {
    super(scope, id);

    this.plan = checked("PersistentIpPool", id, (problems) =>
      planPool({ ...props, name: id, addresses: props.adopted }, problems),
    );
    // Every address is a literal here, so none is left to come.
    this.addresses = this.plan.addresses as string[];
    this.claims = new Map();
    this.gateways = this.plan.gateways.map((gateway, index) => {
      const cidrs = gateway.positions.map((position) => typedAddress(this.addresses[position] ?? "").value);
      const manifest = gatewayObject(gateway, { namespace: this.plan.namespace as string, cidrs });
      const object = kubernetesObject(this, index === 0 ? "Resource" : `Resource-${index + 1}`, manifest);
      if (props.controller !== undefined) object.addDependency(props.controller);
      return object;
    });
  }
}
