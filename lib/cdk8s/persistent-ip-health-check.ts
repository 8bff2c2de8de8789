import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { computeFirewallObject } from "../model/firewall";
import {
  computeHealthCheckObject,
  type HealthCheckOptions,
  planHealthCheck,
  PROBE_FIREWALL_DESCRIPTION,
  PROBE_RANGES,
} from "../model/health-check";
import { isKnown } from "../model/later";
import { chartNamespace, checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpCluster } from "./persistent-ip-cluster";

/** What a {@link PersistentIpHealthCheck} takes. */
export interface PersistentIpHealthCheckProps extends HealthCheckOptions {
  /**
   * Namespace of the objects for Config Connector.
   *
   * @default - the namespace of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * The cluster of the Pods: its region and project are the defaults.
   *
   * @default - none
   */
  readonly cluster?: PersistentIpCluster | undefined;
  /**
   * Region of the addresses, for example `us-central1`. Fixed after creation.
   *
   * @default - the region of `cluster`; required without it
   */
  readonly region?: string | undefined;
  /**
   * Project of the cluster. Fixed after creation.
   *
   * @default - the project of `cluster`, else the one that Config Connector knows for the namespace
   */
  readonly project?: string | undefined;
  /**
   * VPC network of the nodes, as `https://www.googleapis.com/compute/v1/projects/<project>/global/networks/<name>`: with
   * it a firewall rule lets the probes in.
   *
   * @default - no firewall rule
   */
  readonly probeNetwork?: string | undefined;
  /**
   * From where Google probes, with `probeNetwork`. The default is recalled, not taken from Google's documentation for
   * this version: compare it with Google's list before you rely on it.
   *
   * @default ["35.191.0.0/16", "130.211.0.0/22", "209.85.152.0/22", "209.85.204.0/22"]
   * @see https://cloud.google.com/load-balancing/docs/firewall-rules
   */
  readonly probeRanges?: string[] | undefined;
  /**
   * Network tags of the nodes that are probed, with `probeNetwork`. Give either these or `targetServiceAccounts`.
   *
   * @default - none
   */
  readonly targetTags?: string[] | undefined;
  /**
   * Service accounts of the nodes that are probed, by e-mail address, with `probeNetwork`.
   *
   * @default - none
   */
  readonly targetServiceAccounts?: string[] | undefined;
}

/**
 * The regional health check of routes in load-balancing mode, by way of Config Connector: pass its `healthCheckName` to a
 * route of a pool with `mode: "load-balancing"`.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/health-check-based-load-balancing
 */
export class PersistentIpHealthCheck extends Construct {
  /** What routes take as `healthCheckName`: the name of the health check, which is the id of the construct. */
  public readonly healthCheckName: string;
  /** The `ComputeHealthCheck`. */
  public readonly healthCheck: ApiObject;
  /** The `ComputeFirewall` for the probes; nothing without `probeNetwork`. */
  public readonly firewall: ApiObject | undefined;

  constructor(scope: Construct, id: string, props: PersistentIpHealthCheckProps) {
    props = checkProperties("PersistentIpHealthCheck", id, props);
    super(scope, id);

    const { cluster, namespace = chartNamespace(this), probeNetwork, probeRanges = [...PROBE_RANGES] } = props;
    const plan = checked("PersistentIpHealthCheck", id, (problems) =>
      planHealthCheck({ ...props, name: id, cluster: cluster?.facts }, problems),
    );
    const clusterProject = cluster?.facts.project;
    const project =
      props.project ?? (clusterProject !== undefined && isKnown(clusterProject) ? clusterProject : undefined);

    this.healthCheckName = plan.name;
    this.healthCheck = kubernetesObject(this, "Resource", computeHealthCheckObject(plan, { namespace, project }));
    this.firewall =
      plan.firewall === undefined || probeNetwork === undefined
        ? undefined
        : kubernetesObject(
            this,
            "Firewall",
            computeFirewallObject(plan.firewall, {
              namespace,
              project,
              network: probeNetwork,
              sourceRanges: probeRanges,
              targetTags: props.targetTags,
              targetServiceAccounts: props.targetServiceAccounts,
              description: PROBE_FIREWALL_DESCRIPTION,
            }),
          );
  }
}
