import * as pulumi from "@pulumi/pulumi";
import type { PublicAdvertisedPrefix } from "@pulumi/gcp/compute/publicAdvertisedPrefix";

import { ADVERTISED_PREFIX_SCOPE, checkByoip } from "../model/byoip";
import type { DelegatedPrefixResource } from "./declared-resources";
import { gcp } from "./gcp";
import { checkArguments, checked, knownNow } from "./inputs";
import { checkFieldExists } from "./known-fields";
import { withDependencies } from "./providers";

/** What a {@link ByoipPrefix} takes. */
export interface ByoipPrefixArgs {
  /**
   * The range of yours that Google is to announce, for example `203.0.113.0/24`: a public advertised prefix is made of
   * it. Give either this or `advertisedPrefix`. Needs version 8.18 of `@pulumi/gcp` or later. Fixed after creation.
   *
   * @default - none; required without `advertisedPrefix`
   */
  advertisedRange?: pulumi.Input<string> | undefined;
  /**
   * The address of `advertisedRange` whose PTR record proves that the range is yours. Fixed after creation.
   *
   * @default - none; required with `advertisedRange`
   */
  dnsVerificationIp?: pulumi.Input<string> | undefined;
  /**
   * A public advertised prefix that exists, by self link or id: one is enough for several delegated ones. Its scope must
   * be regional.
   *
   * @default - one is made of `advertisedRange`
   */
  advertisedPrefix?: pulumi.Input<string> | undefined;
  /**
   * The part of the advertised prefix that the project gets in `region`. Leave it out until the advertised prefix is
   * provisioned, which takes weeks; whether to delegate is plain, the value is not. Fixed after creation.
   *
   * @default - nothing is delegated yet
   */
  delegatedRange?: pulumi.Input<string> | undefined;
  /**
   * Region in which the delegated prefix gives out addresses, for example `us-central1`. Fixed after creation.
   *
   * @default - none; required with `delegatedRange`
   */
  region?: pulumi.Input<string> | undefined;
  /**
   * Project of the prefixes. Fixed after creation.
   *
   * @default - that of the gcp provider
   */
  project?: pulumi.Input<string> | undefined;
  /**
   * Whether the prefixes are protected: a deployment that would delete one fails until it is unprotected. Making a new
   * one takes weeks.
   *
   * @default true
   */
  protectPrefixes?: boolean | undefined;
}

/**
 * Addresses that you bring: announces a range of yours and delegates a part of it to a region, from which a pool reserves
 * by `ipCollection`. Between the two steps Google verifies and provisions the range, which takes weeks.
 *
 * @see https://cloud.google.com/vpc/docs/bring-your-own-ip
 */
export class ByoipPrefix extends pulumi.ComponentResource {
  /** What a pool takes as `ipCollection`: the delegated prefix. Empty, which a pool refuses, while none is delegated. */
  public readonly ipCollection: pulumi.Output<string>;
  /** The advertised prefix; nothing where `advertisedPrefix` was passed. */
  public readonly advertised: PublicAdvertisedPrefix | undefined;
  /** The delegated prefix; nothing without `delegatedRange`. */
  public readonly delegated: DelegatedPrefixResource | undefined;

  constructor(name: string, args: ByoipPrefixArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("ByoipPrefix", name, args, opts);
    super("podpin:index:ByoipPrefix", name, {}, withDependencies(opts));

    const { advertisedRange, dnsVerificationIp, advertisedPrefix, delegatedRange, region, project } = args;
    const check = (known: Omit<Parameters<typeof checkByoip>[0], "name">) =>
      checked("ByoipPrefix", name, this, (problems) => {
        checkByoip({ name, ...known }, problems);
        return known;
      });
    const inputs = { advertisedRange, dnsVerificationIp, advertisedPrefix, delegatedRange, region };
    check({
      advertisedRange: knownNow(advertisedRange),
      dnsVerificationIp: knownNow(dnsVerificationIp),
      advertisedPrefix: knownNow(advertisedPrefix),
      delegatedRange: knownNow(delegatedRange),
      region: knownNow(region),
    });
    const settled = pulumi.output(inputs).apply((known) => {
      check(known);
      return known;
    });
    const sure = (of: (known: pulumi.Unwrap<typeof inputs>) => string | undefined) =>
      settled.apply((known) => of(known) as string);

    const component = `ByoipPrefix "${name}"`;
    const childOpts = { parent: this, protect: args.protectPrefixes ?? true, deleteBeforeReplace: true };
    this.advertised = undefined;
    if (advertisedRange !== undefined) {
      const leaf = gcp(component, "compute/publicAdvertisedPrefix");
      this.advertised = new leaf.PublicAdvertisedPrefix(
        name,
        {
          name,
          project,
          ipCidrRange: sure((known) => known.advertisedRange),
          dnsVerificationIp: sure((known) => known.dnsVerificationIp),
          pdpScope: ADVERTISED_PREFIX_SCOPE,
        },
        childOpts,
      );
      const { advertised } = this;
      checked("ByoipPrefix", name, this, (problems) =>
        checkFieldExists("advertisedRange", advertisedRange, "pdpScope", advertised, problems),
      );
    }
    this.delegated = undefined;
    if (delegatedRange !== undefined) {
      const leaf = gcp(component, "compute/publicDelegatedPrefix");
      this.delegated = new leaf.PublicDelegatedPrefix(
        name,
        {
          name,
          project,
          region: sure((known) => known.region),
          ipCidrRange: sure((known) => known.delegatedRange),
          parentPrefix: this.advertised?.id ?? sure((known) => known.advertisedPrefix),
        },
        childOpts,
      );
    }
    this.ipCollection = this.delegated?.selfLink ?? pulumi.output("");
    this.registerOutputs({ ipCollection: this.ipCollection });
  }
}
