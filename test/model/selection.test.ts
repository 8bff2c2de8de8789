import fc from "fast-check";
import type { NodeHealth } from "../../lib/model/node-health";
import { choosePod, isEligible, podAddress, selectorProblem, selects } from "../../lib/model/selection";
import { aPod, type PodFields } from "../support/objects";

const pod = (name: string, fields: PodFields = {}) => aPod(name, fields);
const chosen = (pods: ReturnType<typeof pod>[], mode = "ReadyCondition", incumbent?: string) =>
  choosePod(pods, { reactionMode: mode, network: "default", incumbentUid: incumbent })?.metadata.name;

describe("the newest eligible Pod gets the addresses", () => {
  const old = { created: "2026-01-01T00:00:00Z" };
  const young = { created: "2026-01-01T00:00:09Z" };

  test.each([
    ["the newer of two Ready Pods", [pod("a", old), pod("b", young)], "b"],
    ["the Ready one of an older and a newer Pod", [pod("a", old), pod("b", { ...young, ready: false })], "a"],
    ["one that stays before one that goes", [pod("a", old), pod("b", { ...young, terminating: true })], "a"],
    ["one that goes when there is nothing better", [pod("b", { terminating: true })], "b"],
    ["nobody when none is Ready", [pod("a", { ready: false })], undefined],
    ["nobody when there is none", [], undefined],
  ])("%s", (_, pods, name) => {
    expect(chosen(pods)).toBe(name);
    expect(chosen([...pods].reverse())).toBe(name);
  });

  test("on a tie the incumbent stays, else the greater UID wins", () => {
    const pods = [pod("a", { uid: "u1" }), pod("b", { uid: "u2" })];
    expect(chosen(pods)).toBe("b");
    expect(chosen(pods, "ReadyCondition", "u1")).toBe("a");
  });

  test("Exists takes a Pod as soon as it is bound to a node, but not before it has an address if another serves", () => {
    const bound = pod("b", { ...young, ready: false, ip: undefined });
    expect(chosen([bound], "Exists")).toBe("b");
    expect(chosen([pod("a", old), bound], "Exists")).toBe("a");
    expect(isEligible(pod("c", { node: "" }), "Exists")).toBe(false);
  });

  test("a Pod in the node's own network, or one that has ended, is never eligible", () => {
    const host = pod("h");
    expect(isEligible({ ...host, spec: { ...host.spec, hostNetwork: true } }, "Exists")).toBe(false);
    expect(isEligible({ ...host, status: { ...host.status, phase: "Succeeded" } }, "Exists")).toBe(false);
  });

  const at = (health: Record<string, NodeHealth>, pods: ReturnType<typeof pod>[], incumbentUid?: string) =>
    choosePod(pods, {
      reactionMode: "Exists",
      network: "default",
      incumbentUid,
      nodeHealth: (name) => health[name] ?? "healthy",
    })?.metadata.name;

  test.each([
    ["a healthy node before a cordoned one", { node2: "cordoned" }, {}, "a"],
    ["a cordoned node before a Pod that goes", { node2: "cordoned" }, { terminating: true }, "b"],
    ["a Pod that goes before a lost node", { node2: "lost" }, { terminating: true }, "a"],
    ["a cordoned node before a lost one", { node1: "lost", node2: "cordoned" }, {}, "b"],
    ["a lost node before a Pod without an address", { node2: "lost" }, { ip: undefined }, "b"],
    ["the newest of those on cordoned nodes", { node1: "cordoned", node2: "cordoned" }, {}, "b"],
    ["the newest of those on lost nodes", { node1: "lost", node2: "lost" }, {}, "b"],
  ] as const)("%s", (_, health, fields, name) => {
    const pods = [pod("a", { ...old, ...fields }), pod("b", { ...young, node: "node2" })];
    expect(at(health, pods)).toBe(name);
    expect(at(health, [...pods].reverse(), "a-uid")).toBe(name);
  });

  test("a Pod on a node that is not well keeps what it has while nobody else is eligible", () => {
    const lone = pod("a");
    const other = pod("b", { ...young, node: "" });
    for (const health of ["cordoned", "lost"] as const) expect(at({ node1: health }, [lone, other], "a-uid")).toBe("a");
  });

  test("the order of the Pods never matters", () => {
    const any = fc.record({
      created: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
      ready: fc.boolean(),
      terminating: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 5 }), fc.integer({ min: 0, max: 4 }), (fields, incumbent) => {
        const pods = fields.map((field, i) => pod(`p${i}`, field));
        const turned = [...pods.slice(2), ...pods.slice(0, 2)].reverse();
        expect(chosen(turned, "ReadyCondition", `p${incumbent}-uid`)).toBe(
          chosen(pods, "ReadyCondition", `p${incumbent}-uid`),
        );
      }),
    );
  });
});

describe("label selectors work as in Kubernetes", () => {
  const labels = { app: "web", tier: "front" };
  test.each([
    [{ matchLabels: { app: "web" } }, true],
    [{ matchLabels: { app: "db" } }, false],
    [{ matchExpressions: [{ key: "app", operator: "In", values: ["db", "web"] }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }, false],
    [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["db"] }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "tier", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] }, false],
    [{ matchExpressions: [{ key: "toString", operator: "Exists" }] }, false],
    [{ matchLabels: { constructor: "x" } }, false],
  ])("%j", (selector, matches) => {
    expect(selectorProblem(selector)).toBeUndefined();
    expect(selects(selector, labels)).toBe(matches);
  });
});

describe("a Pod's address on a network", () => {
  const withIps = (value: string) => {
    const base = pod("p");
    return { ...base, metadata: { ...base.metadata, annotations: { "networking.gke.io/pod-ips": value } } };
  };
  test.each([
    ["default", '[{"networkName":"blue","ip":"10.9.0.4"}]', "10.244.1.5"],
    ["pod-network", "[]", "10.244.1.5"],
    ["blue", '[{"networkName":"blue","ip":"10.9.0.4"}]', "10.9.0.4"],
    ["blue", '[{"networkName":"red","ip":"10.9.0.4"}]', undefined],
    ["blue", "not JSON", undefined],
    ["blue", '{"networkName":"blue"}', undefined],
    ["blue", "[null]", undefined],
    ["blue", '[{"networkName":"blue","ip":"fd00::1"}]', undefined],
  ])("on %s with annotation %s it is %s", (network, annotation, address) => {
    expect(podAddress(withIps(annotation), network)).toBe(address);
  });
});
