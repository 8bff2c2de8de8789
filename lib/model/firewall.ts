// A VPC firewall rule that lets clients reach persistent addresses: the network denies every packet from outside that no
// rule allows, and such packets carry the client as source and the persistent address as destination.
import { baseOfCidr, isIPv4, isIPv4Cidr } from "./address";
import { checkComputeName, CONFIG_CONNECTOR_COMPUTE, configConnectorAnnotations } from "./compute";
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/** What a firewall takes in both flavours as plain values. */
export interface FirewallOptions {
  /**
   * Protocols that are let in: `tcp`, `udp`, `icmp`, `esp`, `ah`, `sctp`, `ipip`, the number of another one, or `all`. A
   * later change takes effect in place, as any of this component but `network`.
   *
   * @default ["all"]
   */
  protocols?: string[] | undefined;
  /**
   * Ports that are let in, for example `443` or `8000-8100`; for `tcp`, `udp` and `sctp` only. A later change takes
   * effect in place.
   *
   * @default - all
   */
  ports?: string[] | undefined;
  /**
   * Priority of the rule, 0 to 65535; of two rules that match the lower number counts. A later change takes effect in
   * place.
   *
   * @default 1000
   */
  priority?: number | undefined;
}

export interface FirewallInput extends FirewallOptions {
  readonly name: string;
  readonly network?: MaybeLater<string>;
  readonly sourceRanges?: readonly MaybeLater<string>[];
  readonly targetTags?: readonly MaybeLater<string>[];
  readonly targetServiceAccounts?: readonly MaybeLater<string>[];
}

export interface AllowedTraffic {
  readonly protocol: string;
  readonly ports?: readonly string[];
}

export interface FirewallPlan {
  readonly name: string;
  readonly allowed: readonly AllowedTraffic[];
  readonly priority: number;
}

const DEFAULT_PRIORITY = 1000;
const PROTOCOLS: readonly string[] = ["tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all"];
const PROTOCOLS_WITH_PORTS: readonly string[] = ["tcp", "udp", "sctp"];
const MAX_PORT = 65535;
const MAX_PROTOCOL_NUMBER = 255;

export const FIREWALL_DIRECTION = "INGRESS";

/** Plans a firewall rule for addresses. */
export function planFirewall(input: FirewallInput, problems: Problems): FirewallPlan {
  const { protocols = ["all"], ports, priority = DEFAULT_PRIORITY } = input;
  checkComputeName("name", input.name, problems);
  checkTargets("network", input, problems);
  checkSourceRanges(input.sourceRanges, problems);
  checkProtocols(protocols, ports, problems);
  if (!isWholeNumber(priority, 0, 65535)) {
    problems.add("priority", priority, "use a whole number from 0 to 65535");
  }
  return {
    name: input.name,
    allowed: protocols.map((protocol) => ({ protocol, ...(ports === undefined ? {} : { ports }) })),
    priority,
  };
}

/** Checks for which network and nodes a rule is. */
export function checkTargets(
  what: string,
  input: Pick<FirewallInput, "network" | "targetTags" | "targetServiceAccounts">,
  problems: Problems,
): void {
  const { network, targetTags = [], targetServiceAccounts = [] } = input;
  if (network === undefined || network === "") {
    problems.add(
      what,
      network,
      'name the VPC network of the nodes\' interfaces that receive the packets, for example "default"',
    );
  }
  if (targetTags.length === 0 && targetServiceAccounts.length === 0) {
    problems.add(
      "targetTags",
      undefined,
      "say for which nodes: the network tags of their node pools, or targetServiceAccounts",
    );
  } else if (targetTags.length > 0 && targetServiceAccounts.length > 0) {
    problems.add(
      "targetServiceAccounts",
      targetServiceAccounts.filter(isKnown),
      "a rule chooses nodes by tags or by service accounts, leave one of the two out",
    );
  }
  targetTags.forEach((tag, index) => {
    if (isKnown(tag)) checkComputeName(`targetTags[${index}]`, tag, problems);
  });
}

function checkSourceRanges(ranges: readonly MaybeLater<string>[] | undefined, problems: Problems): void {
  if (ranges === undefined || ranges.length === 0) {
    problems.add(
      "sourceRanges",
      ranges,
      'say which clients may come, for example "203.0.113.0/24", or "0.0.0.0/0" for all of the internet',
    );
    return;
  }
  checkRanges("sourceRanges", ranges, problems);
}

/** Checks a list of IPv4 ranges. */
export function checkRanges(what: string, ranges: readonly MaybeLater<string>[], problems: Problems): void {
  ranges.forEach((range, index) => {
    if (!isKnown(range) || isIPv4Cidr(range)) return;
    const meant = isIPv4(range) ? `${range}/32` : baseOfCidr(range);
    problems.add(
      `${what}[${index}]`,
      range,
      meant === undefined
        ? 'use an IPv4 range whose host bits are zero, as in "203.0.113.0/24"'
        : `use a range, for example "${meant}"`,
    );
  });
}

function checkProtocols(protocols: readonly string[], ports: readonly string[] | undefined, problems: Problems): void {
  if (protocols.length === 0) problems.add("protocols", protocols, 'name at least one, or leave it out for "all"');
  protocols.forEach((protocol, index) => {
    const isNumber = /^\d+$/.test(protocol) && isWholeNumber(Number(protocol), 0, MAX_PROTOCOL_NUMBER);
    if (PROTOCOLS.includes(protocol) || isNumber) return;
    problems.add(
      `protocols[${index}]`,
      protocol,
      'use "tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all" or a number from 0 to 255',
    );
  });
  if (ports === undefined) return;
  if (protocols.some((protocol) => !PROTOCOLS_WITH_PORTS.includes(protocol))) {
    problems.add("ports", ports, 'only "tcp", "udp" and "sctp" have ports: set protocols to some of these');
  }
  ports.forEach((port, index) => {
    if (isPortRange(port)) return;
    problems.add(`ports[${index}]`, port, 'use a port or a range of ports, for example "443" or "8000-8100"');
  });
}

function isPortRange(text: string): boolean {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  return isWholeNumber(Number(first), 0, MAX_PORT) && isWholeNumber(Number(last), Number(first), MAX_PORT);
}

export function isWholeNumber(value: number, from: number, to: number): boolean {
  return Number.isSafeInteger(value) && value >= from && value <= to;
}

/** Description of the rule. A change takes effect in place. */
export function firewallDescription(poolName: string): string {
  return `Clients of the persistent addresses of pool ${poolName}`;
}

/**
 * A rule for Config Connector.
 *
 * @see https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computefirewall
 */
export function computeFirewallObject(
  plan: FirewallPlan,
  values: {
    readonly namespace: string;
    readonly network: string;
    readonly sourceRanges: readonly string[];
    readonly destinationRanges?: readonly string[];
    readonly targetTags?: readonly string[];
    readonly targetServiceAccounts?: readonly string[];
    readonly description: string;
    readonly project?: string;
  },
) {
  const { destinationRanges, targetTags, targetServiceAccounts } = values;
  return {
    apiVersion: CONFIG_CONNECTOR_COMPUTE,
    kind: "ComputeFirewall",
    metadata: { name: plan.name, namespace: values.namespace, ...configConnectorAnnotations(values) },
    spec: {
      description: values.description,
      networkRef: { external: values.network },
      direction: FIREWALL_DIRECTION,
      priority: plan.priority,
      sourceRanges: values.sourceRanges,
      ...(destinationRanges === undefined ? {} : { destinationRanges }),
      allow: plan.allowed,
      ...(targetTags === undefined ? {} : { targetTags }),
      ...(targetServiceAccounts === undefined
        ? {}
        : { targetServiceAccounts: targetServiceAccounts.map((external) => ({ external })) }),
    },
  };
}
