import * as pulumi from "@pulumi/pulumi";
import type { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";

import { typedAddress } from "../model/address";
import { isKnown, LATER, type MaybeLater } from "../model/later";
import { gatewayObject, planPool, type PoolOptions, type PoolPlan } from "../model/pool";
import { checked, knownNow, nowOrLater } from "./inputs";
import { customResource } from "./kubernetes-resource";
import type { PersistentIpController } from "./persistent-ip-controller";

/** An address as text, `198.51.100.7` or `198.51.100.7/32`, or a resource that has one. */
export type PoolAddress = pulumi.Input<string> | AddressResource;

/** A resource with an address, such as `gcp.compute.Address`. */
export interface AddressResource {
  /** The address, known once the resource exists. */
  readonly address: pulumi.Output<string>;
}

/** What every {@link PersistentIpPool} takes. */
export interface PersistentIpPoolArgs extends PoolOptions {
  /**
   * Namespace of the pool's Gateways. Fixed after creation: a change replaces the Gateways and the routes.
   *
   * @default "default"
   */
  namespace?: pulumi.Input<string>;
  /**
   * The controller that runs the routes of this pool. Without it they are GKE's own, which needs GKE Standard 1.31 or
   * later with Dataplane V2 and the Gateway API switched on. Fixed after creation, as the GatewayClass follows from it.
   *
   * @default - GKE's own
   */
  controller?: PersistentIpController;

  /** @internal */
  adopted?: PoolAddress[];
}

/** What {@link PersistentIpPool.fromAddresses} takes. */
export interface PersistentIpPoolFromAddressesArgs extends PersistentIpPoolArgs {
  /**
   * The addresses, at least one, each once. More may be appended later without moving any; removing one takes it from
   * the route that has it. How many there are is plain, so that a preview shows every Gateway.
   */
  addresses: PoolAddress[];
}

/**
 * Persistent addresses, and which namespaces may use them: a Gateway, or several with more than 16 addresses.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpPool extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: pulumi.Output<string>[];
  /** The Gateways that list them: the first one has the name of the pool, later ones end in `-2`, `-3` and so on. */
  public readonly gateways: CustomResource[];

  /** @internal What is known while the program runs. */
  public readonly plan: PoolPlan;
  /** @internal The same with nothing left to come. */
  public readonly settled: pulumi.Output<PoolPlan>;
  /** @internal The outputs that stand for each address, by which a route recognises it. */
  public readonly handles: readonly (readonly unknown[])[];
  /** @internal Positions that a route holds, with its name. */
  public readonly claims: Map<number, string>;
  /** @internal */
  public readonly namespace: pulumi.Input<string>;

  /**
   * Makes a pool of addresses that you have already: literals, or resources such as `gcp.compute.Address`.
   *
   * @param name name of the component and of its first Gateway
   */
  public static fromAddresses(
    name: string,
    args: PersistentIpPoolFromAddressesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ): PersistentIpPool {
    const { addresses, ...rest } = args;
    return new PersistentIpPool(name, { ...rest, adopted: addresses }, opts);
  }

  /** Reserving addresses comes in a later version; use {@link PersistentIpPool.fromAddresses}. */
  constructor(name: string, args: PersistentIpPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super("podpin:index:PersistentIpPool", name, {}, opts);

    const given = args.adopted?.map(textOf);
    const plan = (namespace: MaybeLater<string> | undefined, addresses: readonly MaybeLater<string>[] | undefined) =>
      checked("PersistentIpPool", name, this, (problems) =>
        planPool({ ...args, name, namespace, addresses }, problems),
      );
    const addressesNow = given?.map(knownNow);
    this.plan = plan(knownNow(args.namespace), addressesNow);

    this.namespace = nowOrLater(this.plan.namespace, () =>
      pulumi.output(args.namespace).apply((namespace) => plan(namespace, addressesNow).namespace as string),
    );
    this.settled = pulumi
      .output({ namespace: args.namespace, addresses: given })
      .apply(({ namespace, addresses }) => plan(namespace, addresses));
    this.addresses = this.plan.addresses.map((address, position) =>
      pulumi.output(nowOrLater(address, () => this.settled.apply(({ addresses }) => addresses[position] as string))),
    );
    this.handles = this.addresses.map((address, position) => [address, given?.[position]]);
    this.claims = new Map();

    this.gateways = this.plan.gateways.map((gateway) => {
      const cidrs = gateway.positions.map((position) => this.cidr(position));
      const manifest = gatewayObject(gateway, { namespace: this.namespace, cidrs });
      const dependsOn = args.controller === undefined ? [] : [args.controller];
      return customResource(gateway.name, manifest, {
        parent: this,
        dependsOn,
        replaceOnChanges: ["spec.gatewayClassName"],
        deleteBeforeReplace: true,
      });
    });
    this.registerOutputs({ addresses: this.addresses });
  }

  /** @internal The address at a position as `a.b.c.d/32`, plain where it is known now. */
  public cidr(position: number): pulumi.Input<string> {
    const address = this.plan.addresses[position] ?? LATER;
    return isKnown(address)
      ? typedAddress(address).value
      : pulumi.output(this.addresses[position]).apply((known) => typedAddress(known as string).value);
  }
}

function textOf(address: PoolAddress): pulumi.Input<string> {
  return isAddressResource(address) ? address.address : address;
}

function isAddressResource(address: PoolAddress): address is AddressResource {
  // An Output has every property, so it is ruled out first.
  if (pulumi.Output.isInstance(address) || typeof address !== "object" || address === null) return false;
  return "address" in address;
}
