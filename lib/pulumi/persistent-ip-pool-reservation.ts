import type * as pulumi from "@pulumi/pulumi";
import type { Address } from "@pulumi/gcp/compute/address";

import { AddressType } from "../model/classes";
import {
  ADDRESS_DESCRIPTION,
  INTERNAL_ADDRESS_PURPOSE,
  type ReservationOptions,
  type ReservationPlan,
} from "../model/pool-reservation";
import { gcp } from "./gcp";
import { checked } from "./inputs";
import { checkFieldExists } from "./known-fields";
import { withShortTraces } from "./short-traces";

/** What happens to the reserved address in Google Cloud when its resource is deleted. */
export const AddressDeletionPolicy = {
  /** It is released; anybody may get it next. */
  Delete: "DELETE",
  /** The deletion fails. */
  Prevent: "PREVENT",
  /** It stays reserved, and Pulumi forgets it. */
  Abandon: "ABANDON",
} as const;
export type AddressDeletionPolicy = (typeof AddressDeletionPolicy)[keyof typeof AddressDeletionPolicy];

/** What a {@link PersistentIpPool} that reserves its addresses takes. */
export interface PersistentIpPoolReservationArgs extends ReservationOptions {
  /**
   * Region that owns the addresses, for example `us-central1`; it must be that of the cluster. Fixed after creation: a
   * change releases the addresses and reserves others.
   *
   * @default - the region of `cluster`; required without it
   * @see https://cloud.google.com/compute/docs/ip-addresses
   */
  region?: pulumi.Input<string> | undefined;
  /**
   * Project that owns the addresses; it must be that of the cluster. Fixed after creation.
   *
   * @default - the project of `cluster`, else that of the gcp provider
   */
  project?: pulumi.Input<string> | undefined;
  /**
   * Values to ask for, one for each address, each once. Of internal addresses any that is free in the subnetwork; of
   * external ones Google gives out by value at most those that the project holds already or that are in `ipCollection`.
   * More may be appended later; a change of a value releases that address and reserves the other. How many there are is
   * plain, so that a preview shows every address.
   *
   * @default - Google chooses
   */
  addresses?: pulumi.Input<string>[] | undefined;
  /**
   * With `addressType: "INTERNAL"`: the subnetwork whose primary range has the addresses, by self link or as
   * `regions/<region>/subnetworks/<name>`. It is that of the cluster's nodes, or that of the additional network which the
   * routes name. Fixed after creation.
   *
   * @default - none; required for internal addresses
   */
  subnetwork?: pulumi.Input<string> | undefined;
  /**
   * Primary range of `subnetwork`, for example `10.0.0.0/20` or `subnetwork.ipCidrRange`: the addresses are checked
   * against it. It declares nothing.
   *
   * @default - no check
   */
  subnetworkRange?: pulumi.Input<string> | undefined;
  /**
   * Bring your own addresses: the public delegated prefix from which to reserve, by self link or as
   * `regions/<region>/publicDelegatedPrefixes/<name>`; `ipCollection` of a {@link ByoipPrefix} is that. The prefix must
   * support enhanced IPv4 allocation. Needs version 9.11 of `@pulumi/gcp` or later. Fixed after creation.
   *
   * @default - addresses of Google
   * @see https://cloud.google.com/vpc/docs/bring-your-own-ip
   */
  ipCollection?: pulumi.Input<string> | undefined;
  /**
   * Labels of the addresses in Google Cloud. A later change takes effect in place.
   *
   * @default - none
   */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /**
   * What Google Cloud does when an address is deleted after all. Needs version 9.25 of `@pulumi/gcp` or later. A later
   * change takes effect in place.
   *
   * @default - not set: "DELETE"
   */
  deletionPolicy?: AddressDeletionPolicy | undefined;
}

/** Reserves the addresses of a plan. */
export function reservedAddresses(
  poolName: string,
  plan: ReservationPlan,
  args: PersistentIpPoolReservationArgs,
  values: {
    readonly region: pulumi.Input<string>;
    readonly subnetwork: pulumi.Input<string> | undefined;
    readonly project: pulumi.Input<string> | undefined;
    readonly given: readonly pulumi.Input<string>[];
    readonly ipCollection: pulumi.Input<string> | undefined;
  },
  opts: pulumi.CustomResourceOptions & { readonly parent: pulumi.Resource },
): Address[] {
  const { Address } = gcp(`PersistentIpPool "${poolName}"`, "compute/address");
  const isInternal = plan.addressType === AddressType.Internal;
  const reserved = plan.addresses.map(({ suffix, name, isGiven }, index) =>
    withShortTraces(
      () =>
        new Address(
          `${poolName}${suffix}`,
          {
            name,
            region: values.region,
            project: values.project,
            description: ADDRESS_DESCRIPTION,
            addressType: plan.addressType,
            address: isGiven ? values.given[index] : undefined,
            networkTier: plan.networkTier,
            ipCollection: values.ipCollection,
            subnetwork: isInternal ? values.subnetwork : undefined,
            purpose: isInternal ? INTERNAL_ADDRESS_PURPOSE : undefined,
            labels: args.labels,
            deletionPolicy: args.deletionPolicy,
          },
          // Its name is fixed, so the old one must go before another of that name can come.
          { ...opts, protect: plan.isProtected, deleteBeforeReplace: true },
        ),
    ),
  );
  const [first] = reserved;
  if (first !== undefined) {
    checked("PersistentIpPool", poolName, opts.parent, (problems) => {
      checkFieldExists("ipCollection", args.ipCollection, "ipCollection", first, problems);
      checkFieldExists("deletionPolicy", args.deletionPolicy, "deletionPolicy", first, problems);
    });
  }
  return reserved;
}
