// The firewall rule that lets clients reach the addresses, for those who want podpin to make it: the VPC refuses by default what
// comes in, and packets for an address arrive with the address itself as destination.
import type { CloudIntent, CloudProblem } from "../cloud";
import type { Firewall } from "./compute";
import { firewallRef } from "./places";
import { markText } from "./mark";
import { routeName } from "./names";
import { markFor, nameTaken, type Facts, type FirewallOptions, type Holdings, type Step } from "./plan";

export interface FirewallPlan {
  readonly steps: readonly Step[];
  readonly problems: readonly CloudProblem[];
}

/** @param network URL of the VPC network; undefined while it is not known */
export function planFirewall(
  facts: Facts,
  intent: CloudIntent,
  held: Holdings,
  network: string | undefined,
): FirewallPlan {
  const { firewall: options } = facts;
  const none = { steps: [], problems: [] };
  if (options === undefined || intent.addresses.length === 0) return none;
  const at = firewallRef(routeName(facts.clusterUid, intent.route.uid, intent.network));
  const present = held.firewalls.find(({ name }) => name === at.name);
  const allow = allowance(options, intent.addresses);
  if (present === undefined) {
    if (facts.find(at) !== undefined) return { steps: [], problems: [nameTaken(facts, at)] };
    if (network === undefined || intent.leader === undefined) return none;
    const description = markText(markFor(facts.clusterUid, intent));
    const body: Firewall = { name: at.name, description, direction: "INGRESS", network, ...allow };
    return { steps: [{ lane: "move", call: { verb: "insert", at, body } }], problems: [] };
  }
  if (agrees(present, allow)) return none;
  return { steps: [{ lane: "move", call: { verb: "patch", at, body: allow } }], problems: [] };
}

function allowance(options: FirewallOptions, addresses: readonly string[]): Partial<Firewall> {
  const { sourceRanges, targetTags, targetServiceAccounts } = options;
  return {
    allowed: [{ IPProtocol: "all" }],
    destinationRanges: addresses.map((address) => `${address}/32`),
    sourceRanges,
    ...(targetTags !== undefined && { targetTags }),
    ...(targetServiceAccounts !== undefined && { targetServiceAccounts }),
  };
}

function agrees(present: Firewall, wanted: Partial<Firewall>): boolean {
  const same = (left: readonly string[] | undefined, right: readonly string[] | undefined): boolean =>
    JSON.stringify([...(left ?? [])].sort()) === JSON.stringify([...(right ?? [])].sort());
  const ranges = (of: Partial<Firewall>): readonly string[] => (of.destinationRanges ?? []).map((range) => bare(range));
  return (
    same(ranges(present), ranges(wanted)) &&
    same(present.sourceRanges, wanted.sourceRanges) &&
    same(present.targetTags, wanted.targetTags) &&
    same(present.targetServiceAccounts, wanted.targetServiceAccounts) &&
    JSON.stringify((present.allowed ?? []).map(({ IPProtocol }) => IPProtocol)) === '["all"]'
  );
}

/** One address, however Compute gives it back. */
function bare(range: string): string {
  return range.endsWith("/32") ? range.slice(0, -3) : range;
}
