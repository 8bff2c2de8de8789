import { readFileSync } from "node:fs";
import path from "node:path";

import { markOf, markText } from "../../../controller-image/src/fabric/gce/mark";
import { otherGroupName, routeName, ruleName, targetName } from "../../../controller-image/src/fabric/gce/names";
import { isSame, nameIn, zoneIn } from "../../../controller-image/src/fabric/gce/refs";

const CLUSTER = "5f0e8a52-6c7b-4f4e-9a42-8a57f5f3a001";
const ROUTE = "a7a4f7cc-3f7b-4d59-8f0e-0d1b6d2f0001";
const RFC1035 = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

describe("names", () => {
  test("stay as they are from version to version, or what exists would not be found again", () => {
    const route = routeName(CLUSTER, ROUTE, "default");
    expect(route).toBe("ipr-gg3e77j2nc");
    expect(ruleName(route, "203.0.113.255")).toBe("ipr-gg3e77j2nc-203-0-113-255");
    expect(targetName(CLUSTER, "gke-core-pool-1a2b", "default")).toBe("ipr-gke-core-pool-1a2b-3huskwbz");
    expect(otherGroupName(route, "projects/p/regions/r/subnetworks/s")).toBe("ipr-gg3e77j2nc-opaulygi");
  });

  test("differ for another cluster, route, network, address, node and subnetwork", () => {
    const names = [
      routeName(CLUSTER, ROUTE, "default"),
      routeName(`${CLUSTER}1`, ROUTE, "default"),
      routeName(CLUSTER, `${ROUTE}1`, "default"),
      routeName(CLUSTER, ROUTE, "blue"),
      // The same letters in a row, divided otherwise.
      routeName(CLUSTER, `${ROUTE}d`, "efault"),
      ruleName("ipr-a", "10.1.11.1"),
      ruleName("ipr-a", "10.11.1.1"),
      targetName(CLUSTER, "node1", "default"),
      targetName(CLUSTER, "node1", "blue"),
      targetName(CLUSTER, "node2", "default"),
      otherGroupName("ipr-a", "one"),
      otherGroupName("ipr-a", "two"),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  test("are names that Compute takes, however long the node's is", () => {
    const long = "n".repeat(63);
    const route = routeName(CLUSTER, ROUTE, "default");
    const names = [
      route,
      ruleName(route, "255.255.255.255"),
      otherGroupName(route, "s"),
      targetName(CLUSTER, long, "blue"),
    ];
    for (const name of names) expect(name).toMatch(RFC1035);
    expect(targetName(CLUSTER, long, "blue")).not.toBe(targetName(CLUSTER, `${long.slice(1)}m`, "blue"));
  });
});

describe("marks", () => {
  const mark = {
    cluster: CLUSTER,
    route: "edge/db",
    uid: ROUTE,
    epochs: { "203.0.113.10": 4 },
    attached: { "us-central1-a": ["node1", "node2"] },
  };

  test("come back as they were written", () => {
    expect(markOf({ name: "ipr-a", description: markText(mark) }, CLUSTER)).toEqual(mark);
  });

  test.each([
    ["nothing", undefined],
    ["people's words", "made by hand"],
    ["half of a mark", markText(mark).slice(0, -5)],
    ["another cluster's mark", markText({ ...mark, cluster: "another" })],
    ["somebody else's JSON", JSON.stringify({ owner: "someone", cluster: CLUSTER, uid: ROUTE })],
    ["a list", "[1]"],
  ])("are not seen in %s", (_what, description) => {
    expect(markOf({ name: "ipr-a", description }, CLUSTER)).toBeUndefined();
  });

  test("leave out what somebody has spoilt in them", () => {
    const description = JSON.stringify({
      owner: "podpin.dev",
      cluster: CLUSTER,
      uid: ROUTE,
      route: 7,
      epochs: { "203.0.113.10": "4", "203.0.113.11": 2 },
      attached: { a: "node1", b: ["node2"] },
    });
    expect(markOf({ name: "ipr-a", description }, CLUSTER)).toEqual({
      cluster: CLUSTER,
      uid: ROUTE,
      epochs: { "203.0.113.11": 2 },
      attached: { b: ["node2"] },
    });
  });

  test.each([
    ["every cluster's", "owner"],
    ["one cluster's", "cluster"],
  ])("are found by the filter for %s that the page on Google Cloud gives", (_whose, field) => {
    const page = readFileSync(path.join(__dirname, "../../../docs/google-cloud.md"), "utf8");
    const [, filter = ""] = new RegExp(`description ~ "(${field}[^"]+)"`).exec(page) ?? [];
    const pattern = new RegExp(filter.replace("UID", CLUSTER));
    const other = { ...mark, cluster: "another" };
    expect([markText(mark), markText(other), "made by hand"].map((text) => pattern.test(text))).toEqual([
      true,
      field === "owner",
      false,
    ]);
    // Somebody else's that only speaks of it.
    expect(pattern.test(JSON.stringify({ note: `see podpin.dev and ${CLUSTER}` }))).toBe(false);
  });

  test("fit into a description, without the hint where that would be too long", () => {
    const many = { a: Array.from({ length: 40 }, (_, index) => `gke-${"n".repeat(55)}-${index}`) };
    const text = markText({ ...mark, attached: many });
    expect(text.length).toBeLessThanOrEqual(2_048);
    expect(markOf({ name: "ipr-a", description: text }, CLUSTER)).toEqual({ ...mark, attached: undefined });
    const addresses = Array.from({ length: 16 }, (_, index) => [`255.255.255.1${index}`, Number.MAX_SAFE_INTEGER]);
    const longest = { ...mark, route: `${"n".repeat(63)}/${"r".repeat(253)}`, epochs: Object.fromEntries(addresses) };
    expect(markText(longest).length).toBeLessThanOrEqual(2_048);
  });
});

describe("URLs", () => {
  test.each([
    [
      "https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instances/n",
      "projects/p/zones/z-a/instances/n",
      true,
    ],
    [
      "https://compute.googleapis.com/compute/v1/projects/p/zones/z-a/instances/n",
      "https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instances/n",
      true,
    ],
    [
      "https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instances/n",
      "https://www.googleapis.com/compute/v1/projects/q/zones/z-a/instances/n",
      false,
    ],
    [undefined, undefined, false],
  ])("%s and %s: the same resource: %s", (left, right, expected) => {
    expect(isSame(left, right)).toBe(expected);
  });

  test("say their zone and their name", () => {
    const url = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/networkEndpointGroups/ipr-a";
    expect([zoneIn(url), nameIn(url)]).toEqual(["us-central1-a", "ipr-a"]);
    expect([zoneIn("zones/us-central1-a/"), zoneIn("regions/us-central1/"), nameIn("node1")]).toEqual([
      "us-central1-a",
      undefined,
      "node1",
    ]);
  });
});
