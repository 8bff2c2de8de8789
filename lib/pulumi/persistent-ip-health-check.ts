import * as pulumi from "@pulumi/pulumi";

import type { ClusterFacts } from "../model/cluster-facts";
import { FIREWALL_DIRECTION } from "../model/firewall";
import {
  HEALTH_CHECK_DESCRIPTION,
  type HealthCheckInput,
  type HealthCheckOptions,
  planHealthCheck,
  PROBE_FIREWALL_DESCRIPTION,
  PROBE_RANGES,
} from "../model/health-check";
import type { FirewallResource, HealthCheckResource } from "./declared-resources";
import { gcp } from "./gcp";
import { checkArguments, checked, knownNow, nowOrLater } from "./inputs";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import { withDependencies } from "./providers";

/** What a {@link PersistentIpHealthCheck} takes. */
export interface PersistentIpHealthCheckArgs extends HealthCheckOptions {
  /**
   * The cluster of the Pods: its region and project are the defaults.
   *
   * @default - none
   */
  cluster?: PersistentIpCluster | undefined;
  /**
   * Region of the addresses, for example `us-central1`. Fixed after creation: a change replaces the health check.
   *
   * @default - the region of `cluster`; required without it
   */
  region?: pulumi.Input<string> | undefined;
  /**
   * Project of the cluster. Fixed after creation: a change replaces the health check.
   *
   * @default - the project of `cluster`, else that of the gcp provider
   */
  project?: pulumi.Input<string> | undefined;
  /**
   * VPC network of the nodes, by name or self link: with it a firewall rule lets the probes in. Fixed after creation: a
   * change replaces the rule.
   *
   * @default - no firewall rule
   */
  probeNetwork?: pulumi.Input<string> | undefined;
  /**
   * From where Google probes, with `probeNetwork`. The default is recalled, not taken from Google's documentation for
   * this version: compare it with Google's list before you rely on it.
   *
   * @default ["35.191.0.0/16", "130.211.0.0/22", "209.85.152.0/22", "209.85.204.0/22"]
   * @see https://cloud.google.com/load-balancing/docs/firewall-rules
   */
  probeRanges?: pulumi.Input<string>[] | undefined;
  /**
   * Network tags of the nodes that are probed, with `probeNetwork`. Give either these or `targetServiceAccounts`.
   *
   * @default - none
   */
  targetTags?: pulumi.Input<string>[] | undefined;
  /**
   * Service accounts of the nodes that are probed, by e-mail address, with `probeNetwork`.
   *
   * @default - none
   */
  targetServiceAccounts?: pulumi.Input<string>[] | undefined;
}

/**
 * The regional health check of routes in load-balancing mode: pass its `healthCheckName` to a route of a pool with
 * `mode: "load-balancing"`.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/health-check-based-load-balancing
 */
export class PersistentIpHealthCheck extends pulumi.ComponentResource {
  /** What routes take as `healthCheckName`: the name of the health check, which is that of the component. */
  public readonly healthCheckName: pulumi.Output<string>;
  /** The health check. */
  public readonly healthCheck: HealthCheckResource;
  /** The firewall rule for the probes; nothing without `probeNetwork`. */
  public readonly firewall: FirewallResource | undefined;

  constructor(name: string, args: PersistentIpHealthCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpHealthCheck", name, args, opts);
    super("podpin:index:PersistentIpHealthCheck", name, {}, withDependencies(opts));

    const { cluster, targetTags, targetServiceAccounts } = args;
    const { port, protocol, requestPath, checkIntervalSeconds, timeoutSeconds } = args;
    const { healthyThreshold, unhealthyThreshold } = args;
    const options = { port, protocol, requestPath, checkIntervalSeconds, timeoutSeconds };
    const planWith = (known: Partial<HealthCheckInput>) =>
      checked("PersistentIpHealthCheck", name, this, (problems) =>
        planHealthCheck({ ...options, healthyThreshold, unhealthyThreshold, name, ...known }, problems),
      );
    const plan = planWith({
      cluster: cluster?.facts,
      region: knownNow(args.region),
      probeNetwork: knownNow(args.probeNetwork),
      probeRanges: args.probeRanges?.map(knownNow),
      targetTags: targetTags?.map(knownNow),
      targetServiceAccounts: targetServiceAccounts?.map(knownNow),
    });
    const settled = pulumi
      .output({
        cluster: cluster?.settled,
        region: args.region,
        probeNetwork: args.probeNetwork,
        probeRanges: args.probeRanges,
        targetTags,
        targetServiceAccounts,
      })
      .apply(({ cluster: facts, ...known }) => ({
        ...known,
        plan: planWith({ ...known, cluster: facts as ClusterFacts | undefined }),
      }));

    const project = args.project ?? cluster?.project;
    const leaf = gcp(`PersistentIpHealthCheck "${name}"`, "compute/regionHealthCheck");
    this.healthCheck = new leaf.RegionHealthCheck(
      name,
      {
        name,
        region: nowOrLater(plan.region, () => settled.apply(({ plan: known }) => known.region as string)),
        project,
        description: HEALTH_CHECK_DESCRIPTION,
        ...plan.fields,
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.healthCheckName = this.healthCheck.name;
    this.firewall = undefined;
    if (plan.firewall !== undefined) {
      const { Firewall } = gcp(`PersistentIpHealthCheck "${name}"`, "compute/firewall");
      const rule = plan.firewall;
      this.firewall = new Firewall(
        rule.name,
        {
          name: rule.name,
          project,
          description: PROBE_FIREWALL_DESCRIPTION,
          network: settled.apply(({ probeNetwork }) => probeNetwork as string),
          direction: FIREWALL_DIRECTION,
          priority: rule.priority,
          sourceRanges: settled.apply(({ probeRanges }) => probeRanges ?? [...PROBE_RANGES]),
          allows: rule.allowed.map(({ protocol: spoken, ports }) => ({ protocol: spoken, ports: ports && [...ports] })),
          targetTags,
          targetServiceAccounts,
        },
        { parent: this, deleteBeforeReplace: true },
      );
    }
    this.registerOutputs({ healthCheckName: this.healthCheckName });
  }
}
