import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { typedAddress } from "../model/address";
import { computeFirewallObject, firewallDescription, type FirewallOptions, planFirewall } from "../model/firewall";
import { checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";

/** What a {@link PersistentIpFirewall} takes. */
export interface PersistentIpFirewallProps extends FirewallOptions {
  /** The pool whose addresses clients may reach: all of them, those that are added later as well. */
  readonly pool: PersistentIpPool;
  /**
   * VPC network of the nodes' interfaces that receive the packets, as
   * `https://www.googleapis.com/compute/v1/projects/<project>/global/networks/<name>`: that of the cluster, or that of the
   * additional network which the routes name. Fixed after creation.
   */
  readonly network: string;
  /**
   * Ranges of the clients that may come, at least one: for example `203.0.113.0/24`, or `0.0.0.0/0` for all. A later
   * change takes effect in place.
   */
  readonly sourceRanges: string[];
  /**
   * Network tags of the nodes. Give either these or `targetServiceAccounts`. A later change takes effect in place.
   *
   * @default - none
   */
  readonly targetTags?: string[] | undefined;
  /**
   * Service accounts of the nodes, by e-mail address. A later change takes effect in place.
   *
   * @default - none
   */
  readonly targetServiceAccounts?: string[] | undefined;
  /**
   * Project of the network: with Shared VPC the host project. Fixed after creation.
   *
   * @default - the one that Config Connector knows for the namespace
   */
  readonly project?: string | undefined;
}

/**
 * Lets clients reach the addresses of a pool: a firewall rule of the VPC network (by way of Config Connector), from the
 * clients' ranges to exactly those addresses, for the nodes that you name. No other component makes such a rule, and
 * without one the network drops what comes from outside.
 *
 * @see https://cloud.google.com/firewall/docs/firewalls
 */
export class PersistentIpFirewall extends Construct {
  /** The `ComputeFirewall`, in the namespace of the pool. Its name is the id of the construct. */
  public readonly rule: ApiObject;

  constructor(scope: Construct, id: string, props: PersistentIpFirewallProps) {
    props = checkProperties("PersistentIpFirewall", id, props);
    super(scope, id);

    const { pool, ...values } = props;
    const plan = checked("PersistentIpFirewall", id, (problems) => planFirewall({ ...values, name: id }, problems));
    const manifest = computeFirewallObject(plan, {
      ...values,
      namespace: pool.plan.namespace as string,
      description: firewallDescription(pool.plan.name),
      destinationRanges: pool.addresses.map((address) => typedAddress(address).value),
    });
    this.rule = kubernetesObject(this, "Resource", manifest);
  }
}
