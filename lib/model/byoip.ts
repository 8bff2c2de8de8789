// Addresses that you bring: an advertised prefix, which Google verifies and announces, and a regional part of it that is
// delegated to a project, from which addresses are reserved (VPC docs, "Bring your own IP addresses", read 2026-11).
import { cidrContains, isIPv4, isIPv4Cidr } from "./address";
import { checkComputeName } from "./compute";
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";
import { checkRegion } from "./region";

export interface ByoipInput {
  readonly name: string;
  readonly advertisedRange?: MaybeLater<string>;
  readonly dnsVerificationIp?: MaybeLater<string>;
  readonly advertisedPrefix?: MaybeLater<string>;
  readonly delegatedRange?: MaybeLater<string>;
  readonly region?: MaybeLater<string>;
}

/** One advertised prefix serves either regional or global delegated ones, and pools are regional. */
export const ADVERTISED_PREFIX_SCOPE = "REGIONAL";

/** Checks what is to be advertised and delegated. */
export function checkByoip(input: ByoipInput, problems: Problems): void {
  const { advertisedRange, dnsVerificationIp, advertisedPrefix, delegatedRange, region } = input;
  checkComputeName("name", input.name, problems);
  if (advertisedRange === undefined && advertisedPrefix === undefined) {
    problems.add(
      "advertisedRange",
      undefined,
      "say which range of yours Google is to announce, or pass advertisedPrefix where one exists",
    );
  }
  if (advertisedRange !== undefined) {
    if (advertisedPrefix !== undefined) {
      problems.add(
        "advertisedRange",
        shown(advertisedRange),
        "advertisedPrefix exists already, leave one of the two out",
      );
    }
    checkRange("advertisedRange", advertisedRange, problems);
    checkVerification(advertisedRange, dnsVerificationIp, problems);
  } else if (dnsVerificationIp !== undefined) {
    problems.add("dnsVerificationIp", shown(dnsVerificationIp), "it counts only with advertisedRange, leave it out");
  }
  if (delegatedRange === undefined) {
    if (advertisedPrefix !== undefined) {
      problems.add("delegatedRange", undefined, "say which part of advertisedPrefix the project gets");
    }
    return;
  }
  checkRange("delegatedRange", delegatedRange, problems);
  if (advertisedRange !== undefined && isKnown(advertisedRange) && isKnown(delegatedRange)) {
    const areRanges = isIPv4Cidr(advertisedRange) && isIPv4Cidr(delegatedRange);
    if (areRanges && !isWithin(delegatedRange, advertisedRange)) {
      problems.add("delegatedRange", delegatedRange, `use advertisedRange "${advertisedRange}" or a part of it`);
    }
  }
  if (region === undefined) {
    problems.add("region", undefined, 'say in which region to use the prefix, for example "us-central1"');
  } else if (isKnown(region)) {
    checkRegion("region", region, problems);
  }
}

function checkRange(what: string, range: MaybeLater<string>, problems: Problems): void {
  if (!isKnown(range) || isIPv4Cidr(range)) return;
  problems.add(what, range, 'use an IPv4 range whose host bits are zero, as in "203.0.113.0/24"');
}

function checkVerification(range: MaybeLater<string>, ip: MaybeLater<string> | undefined, problems: Problems): void {
  if (ip === undefined || ip === "") {
    problems.add(
      "dnsVerificationIp",
      ip,
      "Google verifies by reverse DNS that the range is yours: name the address of it that has the PTR record",
    );
    return;
  }
  if (!isKnown(ip) || !isKnown(range) || !isIPv4Cidr(range)) return;
  if (isIPv4(ip) && cidrContains(range, ip)) return;
  problems.add("dnsVerificationIp", ip, `use an address of advertisedRange "${range}"`);
}

function isWithin(part: string, whole: string): boolean {
  const [base = "", bits] = part.split("/");
  return Number(bits) >= Number(whole.split("/")[1]) && cidrContains(whole, base);
}

const shown = (value: MaybeLater<string>): string => (isKnown(value) ? value : "a value that is not known yet");
