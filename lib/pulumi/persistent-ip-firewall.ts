import * as pulumi from "@pulumi/pulumi";

import { FIREWALL_DIRECTION, firewallDescription, type FirewallOptions, planFirewall } from "../model/firewall";
import type { FirewallResource } from "./declared-resources";
import { gcp } from "./gcp";
import { checkArguments, checked, knownNow } from "./inputs";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { withDependencies } from "./providers";

/** What a {@link PersistentIpFirewall} takes. */
export interface PersistentIpFirewallArgs extends FirewallOptions {
  /** The pool whose addresses clients may reach: all of them, those that are added later as well. */
  pool: PersistentIpPool;
  /**
   * VPC network of the nodes' interfaces that receive the packets, by name or self link: that of the cluster, or that of
   * the additional network which the routes name. Fixed after creation: a change replaces the rule.
   */
  network: pulumi.Input<string>;
  /**
   * Ranges of the clients that may come, at least one: for example `203.0.113.0/24`, or `0.0.0.0/0` for all. A later
   * change takes effect in place.
   */
  sourceRanges: pulumi.Input<string>[];
  /**
   * Network tags of the nodes. Give either these or `targetServiceAccounts`. A later change takes effect in place.
   *
   * @default - none
   */
  targetTags?: pulumi.Input<string>[] | undefined;
  /**
   * Service accounts of the nodes, by e-mail address. A later change takes effect in place.
   *
   * @default - none
   */
  targetServiceAccounts?: pulumi.Input<string>[] | undefined;
  /**
   * Project of the network: with Shared VPC the host project. Fixed after creation.
   *
   * @default - that of the gcp provider
   */
  project?: pulumi.Input<string> | undefined;
}

/**
 * Lets clients reach the addresses of a pool: a firewall rule of the VPC network, from the clients' ranges to exactly
 * those addresses, for the nodes that you name. No other component makes such a rule, and without one the network drops
 * what comes from outside.
 *
 * @see https://cloud.google.com/firewall/docs/firewalls
 */
export class PersistentIpFirewall extends pulumi.ComponentResource {
  /** The rule. Its name in Compute Engine is that of the component. */
  public readonly rule: FirewallResource;

  constructor(name: string, args: PersistentIpFirewallArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpFirewall", name, args, opts);
    super("podpin:index:PersistentIpFirewall", name, {}, withDependencies(opts));

    const { pool, protocols, ports, priority, targetTags, targetServiceAccounts } = args;
    const planWith = (known: Pick<Parameters<typeof planFirewall>[0], "network" | "sourceRanges" | "targetTags">) =>
      checked("PersistentIpFirewall", name, this, (problems) =>
        planFirewall(
          { name, protocols, ports, priority, targetServiceAccounts: targetServiceAccounts?.map(knownNow), ...known },
          problems,
        ),
      );
    const plan = planWith({
      network: knownNow(args.network),
      sourceRanges: args.sourceRanges?.map(knownNow),
      targetTags: targetTags?.map(knownNow),
    });
    const settled = pulumi
      .output({ network: args.network, sourceRanges: args.sourceRanges, targetTags })
      .apply((values) => {
        planWith(values);
        return values;
      });

    const { Firewall } = gcp(`PersistentIpFirewall "${name}"`, "compute/firewall");
    this.rule = new Firewall(
      name,
      {
        name,
        project: args.project,
        description: firewallDescription(pool.plan.name),
        network: settled.network,
        direction: FIREWALL_DIRECTION,
        priority: plan.priority,
        sourceRanges: settled.sourceRanges,
        destinationRanges: pool.addresses.map((_, position) => pool.cidr(position)),
        allows: plan.allowed.map(({ protocol, ports: some }) => ({ protocol, ports: some && [...some] })),
        targetTags: targetTags === undefined ? undefined : settled.apply(({ targetTags: tags }) => tags as string[]),
        targetServiceAccounts,
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.registerOutputs({ rule: this.rule });
  }
}
