// The regional health check of routes in load-balancing mode (GKE docs, "Configure health-check-based load balancing").
import { checkChoice } from "./choices";
import { type ClusterFacts, checkClusterRegion } from "./cluster-facts";
import { checkComputeName, CONFIG_CONNECTOR_COMPUTE, configConnectorAnnotations } from "./compute";
import { checkRanges, checkTargets, type FirewallPlan, isWholeNumber } from "./firewall";
import { isKnown, LATER, type MaybeLater } from "./later";
import type { Problems } from "./problems";
import { checkRegion } from "./region";

/** What a health check speaks. */
export const HealthCheckProtocol = {
  /** A connection that is accepted means healthy. */
  Tcp: "TCP",
  /** An answer with status 200 means healthy. */
  Http: "HTTP",
  /** The same over TLS; the certificate is not checked. */
  Https: "HTTPS",
} as const;
export type HealthCheckProtocol = (typeof HealthCheckProtocol)[keyof typeof HealthCheckProtocol];

/** What a health check takes in both flavours as plain values. */
export interface HealthCheckOptions {
  /** Port of the Pods that is probed, 1 to 65535. A later change takes effect in place, as any but `region`. */
  port: number;
  /**
   * What the probes speak: `TCP`, `HTTP` or `HTTPS`. A later change takes effect in place.
   *
   * @default "TCP"
   */
  protocol?: HealthCheckProtocol | undefined;
  /**
   * Path that is asked for, with `HTTP` and `HTTPS`. A later change takes effect in place.
   *
   * @default "/"
   */
  requestPath?: string | undefined;
  /**
   * Seconds from one probe to the next, 1 to 300. A later change takes effect in place.
   *
   * @default 5
   */
  checkIntervalSeconds?: number | undefined;
  /**
   * Seconds after which a probe without an answer has failed, at most `checkIntervalSeconds`. A later change takes
   * effect in place.
   *
   * @default - 5, or `checkIntervalSeconds` where that is less
   */
  timeoutSeconds?: number | undefined;
  /**
   * Probes in a row that must succeed before a Pod gets packets, 1 to 10. A later change takes effect in place.
   *
   * @default 2
   */
  healthyThreshold?: number | undefined;
  /**
   * Probes in a row that must fail before a Pod gets none, 1 to 10. A failure is noticed after about this many times
   * `checkIntervalSeconds`. A later change takes effect in place.
   *
   * @default 2
   */
  unhealthyThreshold?: number | undefined;
}

export interface HealthCheckInput extends HealthCheckOptions {
  readonly name: string;
  readonly region?: MaybeLater<string>;
  readonly cluster?: ClusterFacts;
  /** Where a firewall rule lets the probes in. */
  readonly probeNetwork?: MaybeLater<string>;
  readonly probeRanges?: readonly MaybeLater<string>[];
  readonly targetTags?: readonly MaybeLater<string>[];
  readonly targetServiceAccounts?: readonly MaybeLater<string>[];
}

/** Fields as the Compute API has them. */
export interface HealthCheckFields {
  readonly checkIntervalSec: number;
  readonly timeoutSec: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly tcpHealthCheck?: { readonly port: number };
  readonly httpHealthCheck?: { readonly port: number; readonly requestPath: string };
  readonly httpsHealthCheck?: { readonly port: number; readonly requestPath: string };
}

export interface HealthCheckPlan {
  readonly name: string;
  readonly region: MaybeLater<string>;
  readonly fields: HealthCheckFields;
  /** Present where the program asks for it. */
  readonly firewall?: FirewallPlan;
}

/**
 * From where Google probes passthrough load balancers, internal and external. Recalled, not read for this version: they
 * are a default that can be overridden, to be compared with Google's own list.
 */
export const PROBE_RANGES: readonly string[] = [
  "35.191.0.0/16",
  "130.211.0.0/22",
  "209.85.152.0/22",
  "209.85.204.0/22",
];

export const HEALTH_CHECK_DESCRIPTION = "Health of Pods behind persistent addresses";
export const PROBE_FIREWALL_DESCRIPTION = "Probes of Pods behind persistent addresses";

const DEFAULT_SECONDS = 5;
const DEFAULT_THRESHOLD = 2;
const FIREWALL_SUFFIX = "-probes";
const FIREWALL_PRIORITY = 1000;

/** Plans a health check, and the firewall rule for its probes where one is asked for. */
export function planHealthCheck(input: HealthCheckInput, problems: Problems): HealthCheckPlan {
  const { protocol = HealthCheckProtocol.Tcp, port, requestPath, cluster, probeNetwork } = input;
  const region = input.region ?? cluster?.region;
  checkComputeName("name", input.name, problems, probeNetwork === undefined ? "" : FIREWALL_SUFFIX);
  if (region === undefined) {
    problems.add(
      "region",
      undefined,
      'say in which region the addresses are, for example "us-central1", or pass cluster',
    );
  } else if (isKnown(region)) {
    checkRegion("region", region, problems);
    if (cluster !== undefined) checkClusterRegion("region", region, cluster, problems);
  }
  if (!isWholeNumber(port, 1, 65535)) problems.add("port", port, "use a whole number from 1 to 65535");
  const knownProtocol = checkChoice("protocol", protocol, HealthCheckProtocol, problems);
  if (knownProtocol && requestPath !== undefined) checkRequestPath(protocol, requestPath, problems);
  const fields = checkTimes(input, problems);
  if (probeNetwork !== undefined) {
    checkTargets("probeNetwork", { ...input, network: probeNetwork }, problems);
    checkRanges("probeRanges", input.probeRanges ?? [], problems);
  } else {
    const { probeRanges, targetTags, targetServiceAccounts } = input;
    for (const [what, list] of Object.entries({ probeRanges, targetTags, targetServiceAccounts })) {
      if (list === undefined) continue;
      problems.add(
        what,
        list.filter(isKnown),
        "it is for the firewall rule of the probes: set probeNetwork, or leave it out",
      );
    }
  }

  return {
    name: input.name,
    region: region ?? LATER,
    fields: { ...fields, ...probeOf(protocol, port, requestPath) },
    ...(probeNetwork === undefined ? {} : { firewall: probeFirewall(input.name, port) }),
  };
}

function checkRequestPath(protocol: HealthCheckProtocol, path: string, problems: Problems): void {
  if (protocol === HealthCheckProtocol.Tcp) {
    problems.add("requestPath", path, 'TCP has no paths: set protocol to "HTTP" or "HTTPS", or leave it out');
  } else if (!path.startsWith("/")) {
    problems.add("requestPath", path, 'begin with "/", as in "/healthz"');
  }
}

function checkTimes(input: HealthCheckInput, problems: Problems) {
  const interval = input.checkIntervalSeconds ?? DEFAULT_SECONDS;
  const timeout = input.timeoutSeconds ?? Math.min(DEFAULT_SECONDS, interval);
  const { healthyThreshold = DEFAULT_THRESHOLD, unhealthyThreshold = DEFAULT_THRESHOLD } = input;
  const isInterval = isWholeNumber(interval, 1, 300);
  if (!isInterval) problems.add("checkIntervalSeconds", interval, "use a whole number of seconds from 1 to 300");
  if (isInterval && !isWholeNumber(timeout, 1, interval)) {
    problems.add(
      "timeoutSeconds",
      timeout,
      `use a whole number of seconds from 1 to checkIntervalSeconds, which is ${interval}`,
    );
  }
  for (const [what, threshold] of Object.entries({ healthyThreshold, unhealthyThreshold })) {
    if (!isWholeNumber(threshold, 1, 10)) problems.add(what, threshold, "use a whole number from 1 to 10");
  }
  return { checkIntervalSec: interval, timeoutSec: timeout, healthyThreshold, unhealthyThreshold };
}

function probeOf(protocol: HealthCheckProtocol, port: number, requestPath = "/"): Partial<HealthCheckFields> {
  switch (protocol) {
    case HealthCheckProtocol.Http:
      return { httpHealthCheck: { port, requestPath } };
    case HealthCheckProtocol.Https:
      return { httpsHealthCheck: { port, requestPath } };
    default:
      return { tcpHealthCheck: { port } };
  }
}

function probeFirewall(name: string, port: number): FirewallPlan {
  return {
    name: `${name}${FIREWALL_SUFFIX}`,
    allowed: [{ protocol: "tcp", ports: [String(port)] }],
    priority: FIREWALL_PRIORITY,
  };
}

/**
 * A health check for Config Connector.
 *
 * @see https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computehealthcheck
 */
export function computeHealthCheckObject(
  plan: HealthCheckPlan,
  values: { readonly namespace: string; readonly project?: string },
) {
  return {
    apiVersion: CONFIG_CONNECTOR_COMPUTE,
    kind: "ComputeHealthCheck",
    metadata: { name: plan.name, namespace: values.namespace, ...configConnectorAnnotations(values) },
    spec: { location: plan.region as string, description: HEALTH_CHECK_DESCRIPTION, ...plan.fields },
  };
}
