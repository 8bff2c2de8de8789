// The fabric as the controller starts it: the real network, the real credentials, and what the flags say.
import { GoogleCloudDriver } from "../../../../lib/model/google-cloud";
import type { CloudAccess, CloudAround, CloudFabric, CloudParts } from "../cloud";
import { createCompute } from "./client";
import type { Compute } from "./compute";
import { createGceFabric } from "./fabric";
import { haPolicy } from "./ha-policy";
import { clientMetrics, QuotaWatch } from "./metrics";
import type { Driver } from "./plan";
import { targetInstance } from "./target-instance";
import { createTransport } from "./transport";
import { vmState } from "./vm-proof";

/** What the user says of it. */
export interface GoogleCloudSettings {
  readonly driver: GoogleCloudDriver;
  readonly project: string;
  /** Of the network, where that is in another project: there the firewall rules are made. */
  readonly hostProject?: string;
  readonly endpoint?: string;
  /** Ranges of clients that firewall rules are made for; empty: none are made. */
  readonly firewallSources: readonly string[];
  readonly firewallTags: readonly string[];
}

const DRIVERS: Readonly<Record<GoogleCloudDriver, Driver>> = {
  [GoogleCloudDriver.HaPolicy]: haPolicy,
  [GoogleCloudDriver.TargetInstance]: targetInstance,
};

/** One client for each project, so that all calls there keep to one rate. They end with the fabric. */
export function googleCloud(options: GoogleCloudSettings & CloudParts): CloudAccess {
  const { driver, project, hostProject, endpoint, firewallSources, firewallTags, clock, log, metrics, version } =
    options;
  const onCalls = clientMetrics(metrics);
  let mayChange = (): boolean => false;
  const clientOf = (id: string): Compute => {
    const transport = createTransport({ project: id, endpoint, userAgent: `podpin-controller/${version}`, log });
    return createCompute({ project: id, transport, clock, log, ...onCalls, mayChange: () => mayChange() });
  };
  const compute = clientOf(project);
  const fabric = (around: CloudAround): CloudFabric => {
    mayChange = () => around.isActing();
    // Read when something is started, which is not before it is known.
    const region = (): string => around.region() ?? "";
    const quotas = new QuotaWatch({
      ...{ compute, clock, log, metrics },
      get region() {
        return region();
      },
    });
    return createGceFabric({
      ...{ compute, clock, log, metrics, driver: DRIVERS[driver], besides: quotas },
      get region() {
        return region();
      },
      // Nothing is started before the region is known too.
      around: { ...around, clusterUid: () => (around.region() === undefined ? undefined : around.clusterUid()) },
      ...(firewallSources.length > 0 && {
        firewall: {
          sourceRanges: firewallSources,
          ...(firewallTags.length > 0 && { targetTags: firewallTags }),
          ...(hostProject !== undefined && { compute: clientOf(hostProject) }),
        },
      }),
    });
  };
  return { fabric, machineState: (machine, witness) => vmState(compute, machine, witness) };
}
