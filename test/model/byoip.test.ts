import { type ByoipInput, checkByoip } from "../../lib/model/byoip";
import { LATER } from "../../lib/model/later";
import { Problems } from "../../lib/model/problems";

const advertised = { advertisedRange: "203.0.113.0/24", dnsVerificationIp: "203.0.113.1" };

function linesOf(input: Partial<ByoipInput>): readonly string[] {
  const problems = new Problems();
  checkByoip({ name: "edge", ...input }, problems);
  return problems.lines;
}

const RANGE = 'use an IPv4 range whose host bits are zero, as in "203.0.113.0/24"';

test.each<[string, Partial<ByoipInput>, string[]]>([
  [
    "nothing to announce",
    {},
    [
      "advertisedRange: got nothing; say which range of yours Google is to announce, or pass advertisedPrefix where one exists",
    ],
  ],
  [
    "a range and a prefix that exists",
    {
      ...advertised,
      advertisedPrefix: "projects/p/global/publicAdvertisedPrefixes/x",
      delegatedRange: LATER,
      region: LATER,
    },
    ['advertisedRange: got "203.0.113.0/24"; advertisedPrefix exists already, leave one of the two out'],
  ],
  [
    "a range with host bits",
    { advertisedRange: "203.0.113.5/24", dnsVerificationIp: "203.0.113.1" },
    [`advertisedRange: got "203.0.113.5/24"; ${RANGE}`],
  ],
  [
    "no address to verify",
    { advertisedRange: "203.0.113.0/24" },
    [
      "dnsVerificationIp: got nothing; Google verifies by reverse DNS that the range is yours: name the address of it that has the PTR record",
    ],
  ],
  [
    "an address of another range to verify",
    { ...advertised, dnsVerificationIp: "198.51.100.1" },
    ['dnsVerificationIp: got "198.51.100.1"; use an address of advertisedRange "203.0.113.0/24"'],
  ],
  [
    "an address to verify what is verified",
    {
      advertisedPrefix: "x",
      dnsVerificationIp: "203.0.113.1",
      delegatedRange: "203.0.113.0/28",
      region: "us-central1",
    },
    ['dnsVerificationIp: got "203.0.113.1"; it counts only with advertisedRange, leave it out'],
  ],
  [
    "a prefix of which nothing is delegated",
    { advertisedPrefix: "x" },
    ["delegatedRange: got nothing; say which part of advertisedPrefix the project gets"],
  ],
  [
    "a delegated range that is none",
    { ...advertised, delegatedRange: "203.0.113.8/28", region: "us-central1" },
    [`delegatedRange: got "203.0.113.8/28"; ${RANGE}`],
  ],
  [
    "a part of another range",
    { ...advertised, delegatedRange: "198.51.100.0/28", region: "us-central1" },
    ['delegatedRange: got "198.51.100.0/28"; use advertisedRange "203.0.113.0/24" or a part of it'],
  ],
  [
    "more than the range",
    { ...advertised, delegatedRange: "203.0.112.0/23", region: "us-central1" },
    ['delegatedRange: got "203.0.112.0/23"; use advertisedRange "203.0.113.0/24" or a part of it'],
  ],
  [
    "no region to delegate to",
    { ...advertised, delegatedRange: "203.0.113.0/28" },
    ['region: got nothing; say in which region to use the prefix, for example "us-central1"'],
  ],
  [
    "a zone to delegate to",
    { ...advertised, delegatedRange: "203.0.113.0/28", region: "us-central1-a" },
    ['region: got "us-central1-a"; that is a zone, use its region "us-central1"'],
  ],
])("says what is wrong with %s", (_, input, lines) => {
  expect(linesOf(input)).toEqual(lines);
});

test.each<[string, Partial<ByoipInput>]>([
  ["the first step alone", advertised],
  ["both steps", { ...advertised, delegatedRange: "203.0.113.0/24", region: "us-central1" }],
  ["a prefix that exists", { advertisedPrefix: "x", delegatedRange: "203.0.113.16/28", region: "us-central1" }],
  ["what is to come", { advertisedRange: LATER, dnsVerificationIp: LATER, delegatedRange: LATER, region: LATER }],
])("takes %s", (_, input) => {
  expect(linesOf(input)).toEqual([]);
});
