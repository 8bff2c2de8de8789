import * as pulumi from "@pulumi/pulumi";
import type { Address } from "@pulumi/gcp/compute/address";

import { typedAddress } from "../model/address";
import type { ClusterFacts } from "../model/cluster-facts";
import { isAllKnown, isKnown, LATER, type MaybeLater } from "../model/later";
import {
  type AdoptedAddress,
  gatewayObject,
  planPool,
  type PoolInput,
  type PoolOptions,
  type PoolPlan,
} from "../model/pool";
import { notePool } from "../model/pool-others";
import type { Claim } from "../model/route";
import type { KubernetesObject } from "./declared-resources";
import { early } from "./early";
import { checkArguments, checked, knownNow, nowOrLater } from "./inputs";
import { customResource } from "./kubernetes-resource";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import type { PersistentIpController } from "./persistent-ip-controller";
import { type PersistentIpPoolReservationArgs, reservedAddresses } from "./persistent-ip-pool-reservation";
import { amongOthers } from "./program";
import { withKubernetesProvider } from "./providers";

/** An address as text, `198.51.100.7` or `198.51.100.7/32`, or a resource that has one. */
export type PoolAddress = pulumi.Input<string> | AddressResource;

/** A resource with an address, such as `gcp.compute.Address`. */
export interface AddressResource {
  /** The address, known once the resource exists. */
  readonly address: pulumi.Output<string>;
  /** Its region, checked against that of the cluster. */
  readonly region?: pulumi.Output<string>;
  /** `EXTERNAL` or `INTERNAL`, checked against that of the pool. */
  readonly addressType?: pulumi.Output<string | undefined>;
}

/** What every {@link PersistentIpPool} takes, wherever its addresses come from. */
export interface PersistentIpPoolCommonArgs extends PoolOptions {
  /**
   * The cluster of the pool. Its provider declares the Gateways unless the options name another one, its region and
   * project are the defaults for addresses to reserve, and what does not fit to it is an error.
   *
   * @default - the Kubernetes provider of the program
   */
  cluster?: PersistentIpCluster | undefined;
  /**
   * Namespace of the pool's Gateways. Fixed after creation: a change replaces the Gateways and the routes.
   *
   * @default "default"
   */
  namespace?: pulumi.Input<string> | undefined;
  /**
   * The controller that runs the routes of this pool. Without it they are GKE's own, which needs GKE Standard 1.31 or
   * later with Dataplane V2 and the Gateway API switched on. Fixed after creation, as the GatewayClass follows from it.
   *
   * @default - GKE's own
   */
  controller?: PersistentIpController | undefined;
}

/** What a {@link PersistentIpPool} that reserves its addresses takes. */
export interface PersistentIpPoolArgs extends PersistentIpPoolCommonArgs, PersistentIpPoolReservationArgs {
  /** @internal */
  adopted?: PoolAddress[] | undefined;
}

/** What {@link PersistentIpPool.fromAddresses} takes. */
export interface PersistentIpPoolFromAddressesArgs extends PersistentIpPoolCommonArgs {
  /**
   * The addresses, at least one, each once. More may be appended later without moving any; removing one takes it from
   * the route that has it. How many there are is plain, so that a preview shows every Gateway.
   */
  addresses: PoolAddress[];
}

/**
 * Persistent addresses, and which namespaces may use them: addresses that it reserves, or that you have already
 * ({@link PersistentIpPool.fromAddresses}), and a Gateway, or several with more than 16 addresses.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpPool extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order of their index or in which they were given. */
  public readonly addresses: pulumi.Output<string>[];
  /** The Gateways that list them: the first one has the name of the pool, later ones end in `-2`, `-3` and so on. */
  public readonly gateways: KubernetesObject[];
  /** The addresses that the pool reserves, in the order of their index; none where it adopts. */
  public readonly reserved: Address[];

  /** @internal What is known while the program runs. */
  public readonly plan: PoolPlan;
  /** @internal The same with nothing left to come. */
  public readonly settled: pulumi.Output<PoolPlan>;
  /** @internal Whether nothing of `plan` is still to come. */
  public readonly isComplete: boolean;
  /** @internal The position of each address, by what stands for it in the program: an output, or a literal. */
  public readonly positions: ReadonlyMap<unknown, number>;
  /** @internal Positions that a route holds, with its name. */
  public readonly claims: Map<number, Claim>;
  /** @internal */
  public readonly namespace: pulumi.Input<string>;
  /** @internal */
  public readonly cluster: PersistentIpCluster | undefined;

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
    const { addresses, ...rest } = checkArguments("PersistentIpPool.fromAddresses", name, args);
    return new PersistentIpPool(name, { ...rest, adopted: addresses }, opts);
  }

  /** Reserves the addresses of the pool; {@link PersistentIpPool.fromAddresses} takes those that exist. */
  constructor(name: string, args: PersistentIpPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpPool", name, args, opts);
    super("podpin:index:PersistentIpPool", name, {}, withKubernetesProvider(opts, args.cluster?.provider));

    const { cluster, adopted } = args;
    const program = amongOthers(this, `PersistentIpPool "${name}"`);
    const handles = adopted?.map(textOf);
    const planWith = (known: Known): PoolPlan => {
      const plan = checked("PersistentIpPool", name, this, (problems) =>
        planPool({ ...poolInput(name, args, known), handles, others: program }, problems),
      );
      notePool(program, plan);
      return plan;
    };
    const now: Known = {
      cluster: cluster?.facts,
      namespace: knownNow(args.namespace),
      addresses: adopted?.map((address) => knownNow(textOf(address))),
      adoptedFacts: adopted?.map(factsNow),
      reservation: {
        region: knownNow(args.region),
        subnetwork: knownNow(args.subnetwork),
        subnetworkRange: knownNow(args.subnetworkRange),
        ipCollection: knownNow(args.ipCollection),
        addresses: args.addresses?.map(knownNow),
      },
    };
    this.plan = planWith(now);
    this.isComplete = isAllKnown(this.plan);
    this.cluster = cluster;

    // In steps, so that a value that is known by then shows in a preview even while others are still to come.
    const planNamespace = (namespace: string | undefined) => planWith({ ...now, namespace }).namespace as string;
    this.namespace = nowOrLater(this.plan.namespace, () => pulumi.output(args.namespace).apply(planNamespace));
    const asked = pulumi
      .output({
        cluster: cluster?.settled,
        region: args.region,
        subnetwork: args.subnetwork,
        subnetworkRange: args.subnetworkRange,
        ipCollection: args.ipCollection,
        addresses: args.addresses,
      })
      .apply(({ cluster: facts, ...reservation }) => ({
        reservation,
        plan: planWith({ ...now, cluster: facts as ClusterFacts | undefined, reservation }),
      }));

    const { reservation } = this.plan;
    this.reserved =
      reservation === undefined
        ? []
        : reservedAddresses(
            name,
            reservation,
            args,
            {
              // What a check hangs on that comes later waits for it, so that nothing wrong is reserved.
              region: nowOrLater(
                cluster !== undefined && !isKnown(cluster.facts.region) ? LATER : reservation.region,
                () => asked.apply(({ plan }) => plan.region as string),
              ),
              subnetwork:
                args.subnetwork === undefined
                  ? undefined
                  : nowOrLater(now.reservation.subnetworkRange === LATER ? LATER : knownNow(args.subnetwork), () =>
                      asked.apply(({ reservation: found }) => found.subnetwork as string),
                    ),
              project: args.project ?? cluster?.settled.apply(({ project }) => project as string),
              ipCollection:
                args.ipCollection === undefined
                  ? undefined
                  : nowOrLater(knownNow(args.ipCollection), () =>
                      asked.apply(({ reservation: found }) => found.ipCollection as string),
                    ),
              given: (args.addresses ?? []).map((_, index) =>
                nowOrLater(this.plan.addresses[index] ?? LATER, () =>
                  asked.apply(({ plan }) => plan.addresses[index] as string),
                ),
              ),
            },
            { parent: this },
          );
    const values = handles ?? this.reserved.map(({ address }) => address);
    // What resources say of themselves a preview knows before their addresses.
    const looked =
      adopted?.some(isAddressResource) === true
        ? pulumi.all(adopted.map(lookAt)).apply((found) => {
            const addresses = found.map(({ value }) => value as MaybeLater<string>);
            void planWith({ ...now, addresses, adoptedFacts: found.map(({ facts }) => facts as AdoptedAddress) });
          })
        : undefined;
    this.settled = pulumi
      .output({
        asked,
        looked,
        namespace: args.namespace,
        addresses: values,
        adoptedFacts: adopted?.map(factsLater),
      })
      .apply(({ asked: { plan: _, reservation: settled }, looked: __, ...known }) =>
        planWith({ ...now, ...known, reservation: settled }),
      );
    const registered = this.plan.addresses.map((address, position) =>
      nowOrLater(address, () => this.settled.apply(({ addresses }) => addresses[position] as string)),
    );
    this.addresses = registered.map((address) => pulumi.output(address));
    const standIns = this.addresses.map((address, position) => [address, values[position]]);
    notePool(program, this.plan, standIns);
    this.positions = new Map(standIns.flatMap((each, position) => each.map((standIn) => [standIn, position] as const)));
    this.claims = new Map();

    this.gateways = this.plan.gateways.map((gateway) => {
      // Addresses change in place, so that a Gateway that waits for a check of its cluster is never replaced for that.
      const isChecked = cluster === undefined || (isKnown(cluster.facts.dataplaneV2) && isKnown(cluster.facts.region));
      const cidrs = gateway.positions.map((position) =>
        isChecked ? this.cidr(position) : this.settled.apply((plan) => cidrOf(plan.addresses[position] as string)),
      );
      const manifest = gatewayObject(gateway, { namespace: this.namespace, cidrs });
      return customResource(gateway.name, manifest, {
        parent: this,
        dependsOn: [
          ...(args.controller === undefined ? [] : [args.controller]),
          ...gateway.positions.flatMap((position) => this.reserved[position] ?? []),
        ],
        replaceOnChanges: ["spec.gatewayClassName"],
        deleteBeforeReplace: true,
      });
    });
    // Plain where the program knows them: an output is registered at several times the price.
    this.registerOutputs({ addresses: registered });
  }

  /** @internal The address at a position as `a.b.c.d/32`, plain where it is known now. */
  public cidr(position: number): pulumi.Input<string> {
    const address = this.plan.addresses[position] ?? LATER;
    return isKnown(address)
      ? cidrOf(address)
      : pulumi.output(this.addresses[position]).apply((known) => cidrOf(known as string));
  }
}

/** The inputs of a pool that may come from other resources. */
interface Known extends Pick<PoolInput, "cluster" | "namespace" | "addresses" | "adoptedFacts"> {
  readonly reservation: Pick<
    NonNullable<PoolInput["reserve"]>,
    "region" | "subnetwork" | "subnetworkRange" | "ipCollection" | "addresses"
  >;
}

function poolInput(name: string, args: PersistentIpPoolArgs, known: Known): PoolInput {
  const { gatewayClassName, addressType, mode, allowedNamespaces, namespaceSelector, controller } = args;
  const { reservation, ...rest } = known;
  const { size, networkTier, addressNamePrefix, protectAddresses } = args;
  const options = { gatewayClassName, addressType, mode, allowedNamespaces, namespaceSelector, controller };
  return {
    ...options,
    ...rest,
    name,
    ...(args.adopted === undefined
      ? { reserve: { size, networkTier, addressNamePrefix, protectAddresses, ...reservation } }
      : {}),
  };
}

const cidrOf = (address: string): string => typedAddress(address).value;

function textOf(address: PoolAddress): pulumi.Input<string> {
  return isAddressResource(address) ? address.address : address;
}

function factsNow(address: PoolAddress): AdoptedAddress | undefined {
  if (!isAddressResource(address)) return undefined;
  const { region, addressType } = address;
  return { isGlobal: isGlobal(address), region: region && LATER, addressType: addressType && LATER };
}

/** Value and facts as far as they are known, in a preview as well. */
function lookAt(address: PoolAddress): pulumi.Input<{ readonly value: unknown; readonly facts?: object }> {
  if (!isAddressResource(address)) return { value: knownNow(address) };
  return pulumi
    .all([early(address.address), early(address.region), early(address.addressType)])
    .apply(([value, region, addressType]) => ({ value, facts: { region, addressType } }));
}

/** A resource has its type from the start. */
function isGlobal(address: AddressResource): boolean {
  const { __pulumiType: type } = address as { readonly __pulumiType?: unknown };
  return type === "gcp:compute/globalAddress:GlobalAddress";
}

function factsLater(address: PoolAddress): pulumi.Input<AdoptedAddress | undefined> {
  if (!isAddressResource(address)) return undefined;
  return pulumi.all([address.region, address.addressType]).apply(([region, addressType]) => ({ region, addressType }));
}

function isAddressResource(address: PoolAddress): address is AddressResource {
  // An Output has every property, so it is ruled out first.
  if (pulumi.Output.isInstance(address) || typeof address !== "object" || address === null) return false;
  return "address" in address;
}
