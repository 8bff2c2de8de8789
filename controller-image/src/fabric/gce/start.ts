// The fabric with its real parts: credentials, connections, clients and what they tell.
import type { Clock, Log } from "../../kube/api";
import type { Metrics } from "../../kube/metrics";
import type { CloudAround, CloudFabric } from "../cloud";
import { createCompute } from "./client";
import type { Compute } from "./compute";
import { createGceFabric } from "./fabric";
import { clientMetrics, QuotaWatch } from "./metrics";
import type { Driver, FirewallOptions } from "./plan";
import { createTransport } from "./transport";

export interface GceOptions {
  /** Of the nodes, the addresses and everything that is made. */
  readonly project: string;
  readonly region: string;
  readonly driver: Driver;
  /** Makes firewall rules for the addresses. @default - none are made */
  readonly firewall?: FirewallOptions & {
    /** Host project of a Shared VPC. @default - `project` */
    readonly project?: string;
  };
  /** @default - the API of the credentials' universe, `https://compute.googleapis.com/compute/v1/` */
  readonly computeEndpoint?: string;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Asks the cloud nothing before the fabric is started. Throws when the endpoint cannot be one. */
export function gceFabric(options: GceOptions): (around: CloudAround) => CloudFabric {
  const { project, region, driver, firewall, computeEndpoint, userAgent, clock, log, metrics } = options;
  const told = clientMetrics(metrics);
  const clientOf = (of: string): Compute => {
    const transport = createTransport({ project: of, endpoint: computeEndpoint, userAgent, log });
    return createCompute({ project: of, transport, clock, log, ...told });
  };
  const compute = clientOf(project);
  const host = firewall?.project;
  const quotas = new QuotaWatch({ compute, region, clock, log, metrics });
  return (around) => {
    const fabric = createGceFabric({
      compute,
      around,
      region,
      driver,
      firewall: firewall && { ...firewall, ...(host !== undefined && host !== project && { compute: clientOf(host) }) },
      clock,
      log,
      metrics,
    });
    return {
      want: (intent) => fabric.want(intent),
      keep: (routeUid, addresses) => fabric.keep(routeUid, addresses),
      remove: (routeUid) => fabric.remove(routeUid),
      view: (routeUid) => fabric.view(routeUid),
      settled: () => fabric.settled(),
      routes: () => fabric.routes(),
      start: () => {
        quotas.start();
        fabric.start();
      },
      pause: () => {
        quotas.stop();
        fabric.pause();
      },
      stop: () => {
        quotas.stop();
        return fabric.stop();
      },
    };
  };
}
