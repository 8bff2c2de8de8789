import fc from "fast-check";

import { LATER } from "../../lib/model/later";
import { planPool, type PoolInput } from "../../lib/model/pool";
import { computeAddressObject, type ReservationInput } from "../../lib/model/pool-reservation";
import { Problems } from "../../lib/model/problems";

const INTERNAL = { addressType: "INTERNAL" } as const;
const subnetwork = "regions/us-central1/subnetworks/nodes";

function plan(reserve: Partial<ReservationInput>, input: Partial<PoolInput> = {}) {
  const problems = new Problems();
  const pool = planPool({ name: "db", reserve: { region: "us-central1", ...reserve }, ...input }, problems);
  return { pool, reservation: pool.reservation!, lines: problems.lines };
}

const SIZE = "use a whole number from 1 to 1000";

test.each<[string, Partial<ReservationInput>, Partial<PoolInput>, string[]]>([
  [
    "an internal pool in the wrong case, once",
    { region: "us-central1", subnetwork: "regions/us-central1/subnetworks/nodes" },
    { addressType: "internal" as never },
    ['addressType: got "internal"; use "INTERNAL"'],
  ],
  ["no address to reserve", { size: 0 }, {}, [`size: got 0; ${SIZE}`]],
  ["half an address", { size: 1.5 }, {}, [`size: got 1.5; ${SIZE}`]],
  ["too many addresses", { size: 1001 }, {}, [`size: got 1001; ${SIZE}`]],
  ["a size as text", { size: "3" as never }, {}, [`size: got "3"; ${SIZE}`]],
  [
    "a size that does not fit the list",
    { size: 3, addresses: ["198.51.100.7", "198.51.100.8"] },
    {},
    ["size: got 3; addresses lists 2: make the two agree, or leave size out"],
  ],
  ["an empty list", { addresses: [] }, {}, ["addresses: got []; list the values to ask for, or leave it out"]],
  [
    "a list that is too long",
    { addresses: Array.from({ length: 1001 }, (_, index) => `198.18.${index >> 8}.${index & 255}`) },
    {},
    ['addresses: got "1001 addresses"; a pool has at most 1000, make several'],
  ],
  [
    "a value that is no address",
    { addresses: ["2001:db8::1"] },
    {},
    ['addresses[0]: got "2001:db8::1"; persistent addresses are IPv4 only, use an IPv4 address'],
  ],
  [
    "no value where all must be known",
    { size: 3, literalsOnly: true },
    {},
    [
      "addresses: got nothing; at synthesis nobody knows what Google would choose: list the 3 addresses to ask for, or reserve first and pass what you got to PersistentIpPool.fromAddresses",
    ],
  ],
  [
    "not even one value where all must be known",
    { literalsOnly: true },
    {},
    [
      "addresses: got nothing; at synthesis nobody knows what Google would choose: list the address to ask for, or reserve first and pass what you got to PersistentIpPool.fromAddresses",
    ],
  ],
  [
    "no region",
    { region: undefined },
    {},
    ['region: got nothing; say in which region to reserve, for example "us-central1": it must be that of the cluster'],
  ],
  [
    "a region that never becomes known",
    { region: LATER, literalsOnly: true, addresses: ["198.51.100.7"] },
    {},
    ['region: got nothing; say in which region to reserve, for example "us-central1": it must be that of the cluster'],
  ],
  [
    "a zone for a region",
    { region: "us-central1-a" },
    {},
    ['region: got "us-central1-a"; that is a zone, use its region "us-central1"'],
  ],
  ["no region at all", { region: "USA" }, {}, ['region: got "USA"; use a region, for example "us-central1"']],
  [
    "a name that Compute Engine refuses",
    {},
    { name: "5g.core" },
    [
      'name: got "5g.core"; a name in Compute Engine has 1 to 61 lower-case letters, digits and "-", starts with a letter and does not end with "-"',
    ],
  ],
  ["a name that nobody takes, once", {}, { name: "My_Pool" }, ['name: got "My_Pool"; use "my-pool"']],
  [
    "a prefix that is too long for the last address",
    { size: 101, addressNamePrefix: "a".repeat(60) },
    {},
    [
      `addressNamePrefix: got "${"a".repeat(60)}"; a name in Compute Engine has 1 to 59 lower-case letters, digits and "-", starts with a letter and does not end with "-"`,
    ],
  ],
  [
    "internal addresses from nowhere",
    {},
    INTERNAL,
    [
      'subnetwork: got nothing; internal addresses are taken from a subnetwork: name that of the nodes or of the additional network, for example "regions/us-central1/subnetworks/nodes"',
    ],
  ],
  [
    "internal addresses from a subnetwork of another region",
    { subnetwork: "projects/my-project/regions/europe-west1/subnetworks/nodes" },
    INTERNAL,
    [
      'subnetwork: got "projects/my-project/regions/europe-west1/subnetworks/nodes"; that subnetwork is in "europe-west1" and the pool in "us-central1", both must be in one region',
    ],
  ],
  ["internal addresses from a subnetwork whose region is not said", { subnetwork: "nodes" }, INTERNAL, []],
  [
    "external addresses from a subnetwork",
    { subnetwork, subnetworkRange: LATER },
    {},
    [
      `subnetwork: got "${subnetwork}"; external addresses are in no subnetwork: set addressType: "INTERNAL", or leave it out`,
      'subnetworkRange: got "a value that is not known yet"; external addresses are in no subnetwork: set addressType: "INTERNAL", or leave it out',
    ],
  ],
  [
    "a range that is none",
    { subnetwork, subnetworkRange: "10.0.0.5/20" },
    INTERNAL,
    ['subnetworkRange: got "10.0.0.5/20"; use the primary range of the subnetwork, as in "10.0.0.0/20"'],
  ],
  [
    "an address outside the subnetwork",
    { subnetwork, subnetworkRange: "10.0.0.0/20", addresses: ["10.0.15.9", "10.0.16.9"] },
    INTERNAL,
    ['addresses[1]: got "10.0.16.9"; the subnetwork\'s range is "10.0.0.0/20", use an address of that'],
  ],
  [
    "addresses that Google Cloud keeps of every subnetwork, but not their neighbours",
    {
      subnetwork,
      subnetworkRange: "10.0.0.0/24",
      addresses: ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.253", "10.0.0.254", "10.0.0.255"],
    },
    INTERNAL,
    [
      'addresses[0]: got "10.0.0.0"; nobody can have the first two and the last two of "10.0.0.0/24", use another address',
      'addresses[1]: got "10.0.0.1"; nobody can have the first two and the last two of "10.0.0.0/24", use another address',
      'addresses[4]: got "10.0.0.254"; nobody can have the first two and the last two of "10.0.0.0/24", use another address',
      'addresses[5]: got "10.0.0.255"; nobody can have the first two and the last two of "10.0.0.0/24", use another address',
    ],
  ],
  [
    "more addresses than the subnetwork has",
    { subnetwork, subnetworkRange: "10.0.0.0/28", size: 13 },
    INTERNAL,
    ['size: got 13; subnetworkRange "10.0.0.0/28" has 12 addresses to give, use a larger subnetwork'],
  ],
  [
    "a tier of internal addresses",
    { subnetwork, networkTier: "PREMIUM" },
    INTERNAL,
    ['networkTier: got "PREMIUM"; internal addresses have no tier, leave it out'],
  ],
  ["an unknown tier", { networkTier: "premium" as never }, {}, ['networkTier: got "premium"; use "PREMIUM"']],
  [
    "a private value for an external address",
    { addresses: ["192.168.1.5"] },
    {},
    ['addresses[0]: got "192.168.1.5"; that is a private address, set addressType: "INTERNAL"'],
  ],
  [
    "internal addresses from a prefix",
    { subnetwork, ipCollection: "regions/us-central1/publicDelegatedPrefixes/edge" },
    INTERNAL,
    [
      'ipCollection: got "regions/us-central1/publicDelegatedPrefixes/edge"; a prefix of your own holds external addresses: leave it out, or leave addressType: "INTERNAL" out',
    ],
  ],
  [
    "addresses of a prefix in the standard tier",
    { networkTier: "STANDARD", ipCollection: "regions/us-central1/publicDelegatedPrefixes/edge" },
    {},
    [
      'networkTier: got "STANDARD"; addresses of your own prefix are always "PREMIUM", leave networkTier or ipCollection out',
    ],
  ],
  [
    "a prefix in another region",
    { ipCollection: "projects/p/regions/europe-west1/publicDelegatedPrefixes/edge" },
    {},
    [
      'ipCollection: got "projects/p/regions/europe-west1/publicDelegatedPrefixes/edge"; that prefix is in "europe-west1" and the pool in "us-central1", both must be in one region',
    ],
  ],
  [
    "the name of a prefix alone",
    { ipCollection: "edge" },
    {},
    [
      'ipCollection: got "edge"; use the delegated prefix, for example "regions/us-central1/publicDelegatedPrefixes/edge"',
    ],
  ],
  [
    "a prefix that is not delegated yet",
    { ipCollection: "" },
    {},
    ["ipCollection: got nothing; no prefix is delegated yet: set delegatedRange on the ByoipPrefix, or leave it out"],
  ],
])("says what is wrong with %s", (_, reserve, input, lines) => {
  expect(plan(reserve, input).lines).toEqual(lines);
});

test("reserves one address unless told otherwise, protected, in the tier that is Google's default", () => {
  const { reservation, pool, lines } = plan({});
  expect(lines).toEqual([]);
  expect(reservation).toEqual({
    addresses: [{ suffix: "-0", name: "db-0", isGiven: false }],
    addressType: "EXTERNAL",
    region: "us-central1",
    isProtected: true,
  });
  expect(pool.addresses).toEqual([LATER]);
});

test("reserves as many addresses as values are listed, and knows them at once", () => {
  const { reservation, pool } = plan({ addresses: ["198.51.100.7/32", LATER], addressNamePrefix: "edge" });
  expect(reservation.addresses).toEqual([
    { suffix: "-0", name: "edge-0", isGiven: true },
    { suffix: "-1", name: "edge-1", isGiven: true },
  ]);
  expect(pool.addresses).toEqual(["198.51.100.7", LATER]);
});

test.each([
  "https://www.googleapis.com/compute/v1/projects/p/regions/us-central1/publicDelegatedPrefixes/edge",
  "projects/p/regions/us-central1/publicDelegatedPrefixes/edge",
  "regions/us-central1/publicDelegatedPrefixes/edge",
])("takes %s as a prefix", (ipCollection) => {
  expect(plan({ ipCollection }).lines).toEqual([]);
});

test("growing a reservation renames no address", () => {
  const size = fc.integer({ min: 1, max: 500 });
  fc.assert(
    fc.property(size, size, (count, more) => {
      const { addresses } = plan({ size: count }).reservation;
      const grown = plan({ size: count + more }).reservation.addresses;
      expect(grown.slice(0, count)).toEqual(addresses);
      expect(new Set(grown.map(({ name }) => name)).size).toBe(count + more);
    }),
  );
});

test("writes an external address for Config Connector like this", () => {
  const { reservation } = plan({ addresses: ["198.51.100.7"], networkTier: "STANDARD" });
  const values = { namespace: "edge", region: "us-central1", address: "198.51.100.7" };
  expect(computeAddressObject(reservation, reservation.addresses[0]!, values)).toEqual({
    apiVersion: "compute.cnrm.cloud.google.com/v1beta1",
    kind: "ComputeAddress",
    metadata: {
      name: "db-0",
      namespace: "edge",
      annotations: { "cnrm.cloud.google.com/deletion-policy": "abandon" },
    },
    spec: {
      location: "us-central1",
      description: "Persistent address of Kubernetes Pods, held by podpin",
      addressType: "EXTERNAL",
      address: "198.51.100.7",
      networkTier: "STANDARD",
    },
  });
});

test("and an internal one like this, to be released with its object where the program says so", () => {
  const { reservation } = plan({ addresses: ["10.0.0.5"], subnetwork, protectAddresses: false }, INTERNAL);
  const object = computeAddressObject(reservation, reservation.addresses[0]!, {
    namespace: "default",
    region: "us-central1",
    address: "10.0.0.5",
    project: "my-project",
    subnetwork,
    labels: { team: "edge" },
  });
  expect(object).toMatchObject({
    metadata: { labels: { team: "edge" }, annotations: { "cnrm.cloud.google.com/project-id": "my-project" } },
    spec: {
      addressType: "INTERNAL",
      address: "10.0.0.5",
      subnetworkRef: { external: subnetwork },
      purpose: "GCE_ENDPOINT",
    },
  });
  expect(Object.keys(object.metadata.annotations ?? {})).toEqual(["cnrm.cloud.google.com/project-id"]);
  expect(object.spec).not.toHaveProperty("networkTier");
});
