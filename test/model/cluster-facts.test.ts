import {
  checkClusterRegion,
  type ClusterFacts,
  isAtLeast,
  isGkeVersion,
  regionOf,
  UNKNOWN_CLUSTER,
} from "../../lib/model/cluster-facts";
import { LATER } from "../../lib/model/later";
import { Problems } from "../../lib/model/problems";

test.each([
  ["us-central1", "us-central1"],
  ["us-central1-a", "us-central1"],
  ["northamerica-northeast2-c", "northamerica-northeast2"],
  ["me-central2", "me-central2"],
])("the region of %s is %s", (location, region) => {
  expect(regionOf(location)).toBe(region);
});

test.each(["", "us", "US-Central1", "us-central1-", "us-central1-aa", "us-central", "us_central1", "us-central1 "])(
  "%j is neither a region nor a zone",
  (text) => {
    expect(regionOf(text)).toBeUndefined();
  },
);

test.each([
  ["1.31", "1.31", true],
  ["1.30.9-gke.1127000", "1.31", false],
  ["1.31.0-gke.1", "1.31", true],
  ["2.0", "1.31", true],
  ["1.32.3-gke.1439999", "1.32.3-gke.1440000", false],
  ["1.32.3-gke.1440000", "1.32.3-gke.1440000", true],
  ["1.32.4-gke.1", "1.32.3-gke.1440000", true],
  ["1.9", "1.31", false],
  ["v1.33.5", "1.31", true],
  ["latest", "1.31", true],
])("%s is at least %s: %s", (version, floor, answer) => {
  expect(isAtLeast(version, floor)).toBe(answer);
});

test.each([
  ["1.33", true],
  ["1.33.5-gke.1201000", true],
  ["latest", false],
  ["1", false],
  ["1.33.x", false],
])("%s is a version of GKE: %s", (text, answer) => {
  expect(isGkeVersion(text)).toBe(answer);
});

const facts = (known: Partial<ClusterFacts>): ClusterFacts => ({ ...UNKNOWN_CLUSTER, ...known });

test("says when something is in another region than the cluster", () => {
  const problems = new Problems();
  checkClusterRegion("region", "us-east1", facts({ name: "core", region: "us-central1" }), problems);
  checkClusterRegion("region", "us-east1", facts({ region: "us-central1" }), problems);
  checkClusterRegion("region", "us-central1", facts({ region: "us-central1" }), problems);
  checkClusterRegion("region", LATER, facts({ region: "us-central1" }), problems);
  checkClusterRegion("region", "us-east1", facts({}), problems);
  expect(problems.lines).toEqual([
    'region: got "us-east1"; cluster "core" is in "us-central1", and addresses must be in its region',
    'region: got "us-east1"; the cluster is in "us-central1", and addresses must be in its region',
  ]);
});
