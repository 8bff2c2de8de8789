// What a pool says of names of classes, and of addresses that no class serves.
import { planPool, type PoolInput } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";

function linesOf(input: Partial<PoolInput>): readonly string[] {
  const problems = new Problems();
  planPool({ name: "edge", addresses: ["198.51.100.7"], ...input }, problems);
  return problems.lines;
}

test.each([
  ["a letter is missing", "gke-persistent-regional-externl-managed", "gke-persistent-regional-external-managed"],
  ["a letter is too many", "gke-persistent-regional-internnal-managed", "gke-persistent-regional-internal-managed"],
  ["a letter is another", "gke-passthrough-lb-external-manager", "gke-passthrough-lb-external-managed"],
  [
    "two letters have changed places",
    "gke-presistent-regional-external-managed",
    "gke-persistent-regional-external-managed",
  ],
  ["a hyphen is missing", "podpinl2", "podpin-l2"],
])("names the class that is meant where %s", (_, got, meant) => {
  expect(linesOf({ gatewayClassName: got })).toEqual([`gatewayClassName: got "${got}"; use "${meant}"`]);
});

test("refuses the classes of GKE that make HTTP load balancers", () => {
  const [line] = linesOf({ gatewayClassName: "gke-l7-regional-external-managed" });
  expect(line).toBe(
    'gatewayClassName: got "gke-l7-regional-external-managed"; that class makes HTTP load balancers, not persistent addresses: leave it out, or use one of ' +
      '"gke-persistent-regional-external-managed", "gke-persistent-regional-internal-managed", "gke-persistent-fast-regional-external-managed", ' +
      '"gke-persistent-fast-regional-internal-managed", "gke-passthrough-lb-external-managed" or "gke-passthrough-lb-internal-managed"',
  );
});

test.each(["example-class", "gke-persistent-zonal-external-managed", "podpin-anycast"])(
  "leaves a class of somebody else alone: %s",
  (gatewayClassName) => {
    expect(linesOf({ gatewayClassName })).toEqual([]);
  },
);

test("refuses the address of global load balancers", () => {
  expect(linesOf({ adoptedFacts: [{ isGlobal: true }] })).toEqual([
    "addresses[0]: got a global address; persistent addresses are regional: reserve a gcp.compute.Address",
  ]);
});
