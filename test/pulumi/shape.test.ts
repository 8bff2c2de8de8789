// The same mistakes in both flavours, by the components themselves: what JavaScript and casts let through.
import * as pulumi from "@pulumi/pulumi";
import { App, Chart } from "cdk8s";

import * as constructs from "../../lib/cdk8s";
import * as components from "../../lib/pulumi";
import { saidBy } from "./said";

type Kind = "PinnedPodRoute" | "PinnedStatefulSet" | "PinnedDeployment" | "PersistentIpPool" | "PersistentIpNodePool";
type Component = Kind | "PersistentIpFirewall" | "PersistentIpHealthCheck" | "PersistentIpController" | "PodNetwork";

beforeAll(() =>
  pulumi.runtime.setMocks({ newResource: ({ name, inputs }) => ({ id: name, state: inputs }), call: () => ({}) }),
);

const both = (kind: Component, args: unknown): string[] => [
  saidBy(() => new components[kind]("shaped", args as never)),
  saidBy(() => new constructs[kind](new Chart(new App(), "test"), "shaped", args as never)),
];
const invalid = (kind: string, ...lines: string[]) =>
  [`${kind} "shaped" is not valid:`, ...lines.map((line) => `  - ${line}`)].join("\n");
const pool = { claims: new Map() };

test.each<[string, Component, unknown, string[]]>([
  ["no arguments", "PinnedPodRoute", undefined, ["arguments: got nothing; pass them as one object"]],
  ["a text for the arguments", "PersistentIpPool", "edge", ['arguments: got "edge"; pass them as one object']],
  ["no pool", "PinnedPodRoute", {}, ["pool: got nothing; pass the PersistentIpPool itself"]],
  ["the name of a pool", "PinnedStatefulSet", { pool: "n2" }, ['pool: got "n2"; pass the PersistentIpPool itself']],
  [
    "another object for the pool, and one address without a list",
    "PinnedDeployment",
    { pool: {}, addresses: "198.51.100.7" },
    [
      "pool: got another object; pass the PersistentIpPool itself",
      'addresses: got "198.51.100.7"; use a list, even for one entry',
    ],
  ],
  [
    "a list that comes later",
    "PinnedPodRoute",
    { pool, addresses: pulumi.output(["198.51.100.7"]) },
    ["addresses: got an object; use a list: its entries may come from other resources, how many there are may not"],
  ],
  [
    "names of components that may be left out",
    "PersistentIpPool",
    { cluster: "core", controller: "podpin" },
    [
      'cluster: got "core"; pass the PersistentIpCluster itself',
      'controller: got "podpin"; pass the PersistentIpController itself',
    ],
  ],
  ["no cluster", "PersistentIpNodePool", {}, ["cluster: got nothing; pass the PersistentIpCluster itself"]],
  [
    "texts for lists",
    "PodNetwork",
    { secondaryRanges: "pods", routes: "10.0.0.0/8", nameservers: "10.0.0.53" },
    [
      'secondaryRanges: got "pods"; use a list, even for one entry',
      'routes: got "10.0.0.0/8"; use a list, even for one entry',
      'nameservers: got "10.0.0.53"; use a list, even for one entry',
    ],
  ],
  [
    "a text for the ranges of a firewall rule",
    "PersistentIpFirewall",
    { pool, sourceRanges: "203.0.113.0/24" },
    ['sourceRanges: got "203.0.113.0/24"; use a list, even for one entry'],
  ],
  [
    "a text for the tags of a health check",
    "PersistentIpHealthCheck",
    { targetTags: "edge" },
    ['targetTags: got "edge"; use a list, even for one entry'],
  ],
  [
    "a number for the ports of a controller",
    "PersistentIpController",
    { apiServerPorts: 443 },
    ["apiServerPorts: got 443; use a list, even for one entry"],
  ],
])("%s", (_, kind, args, lines) => {
  expect(both(kind, args)).toEqual([invalid(kind, ...lines), invalid(kind, ...lines)]);
});

test("a pool that adopts says that it has no addresses, and reserves none", () => {
  const args = { region: "us-central1" } as never;
  const lines = "addresses: got nothing; use a list, even for one entry";
  expect(saidBy(() => components.PersistentIpPool.fromAddresses("shaped", args))).toBe(
    invalid("PersistentIpPool", lines),
  );
  expect(saidBy(() => constructs.PersistentIpPool.fromAddresses(new Chart(new App(), "test"), "shaped", args))).toBe(
    invalid("PersistentIpPool", lines),
  );
});

test("a cluster that exists needs arguments too", () => {
  const nothing = undefined as never;
  const expected = invalid("PersistentIpCluster", "arguments: got nothing; pass them as one object");
  expect(saidBy(() => components.PersistentIpCluster.fromExisting("shaped", nothing))).toBe(expected);
  expect(
    saidBy(() => constructs.PersistentIpCluster.fromExisting(new Chart(new App(), "test"), "shaped", nothing)),
  ).toBe(expected);
});

test("a value that comes later where a plain one is read is named as such, and not by what it prints", () => {
  const later = pulumi.output(3);
  const known = "it must be known before the deployment, so write it, or read it from the configuration";
  const args = { pool: components.PersistentIpPool.fromAddresses("later", { addresses: ["198.51.100.7"] }) };
  const made = { ...args, statefulSet: "db", ordinal: later, readyTimeoutSeconds: later };
  expect(saidBy(() => new components.PinnedPodRoute("shaped", made as never))).toBe(
    invalid(
      "PinnedPodRoute",
      `ordinal: got a value that comes from another resource; use the number at the end of the Pod's name, a whole number from 0; ${known}`,
      `readyTimeoutSeconds: got a value that comes from another resource; use a whole number of seconds from 1; ${known}`,
    ),
  );
});

test("a resource where its name belongs is called what it is", () => {
  const namespace = new components.PersistentIpHealthCheck("check", { region: "us-central1", port: 80 });
  const args = { addresses: ["198.51.100.7"], namespace } as never;
  expect(saidBy(() => components.PersistentIpPool.fromAddresses("shaped", args))).toBe(
    invalid(
      "PersistentIpPool",
      'namespace: got a PersistentIpHealthCheck; a namespace name has 1 to 63 lower-case letters, digits and "-", and starts and ends with a letter or digit',
    ),
  );
});

test.each<[string, unknown, string[]]>([
  ["no arguments", undefined, ["arguments: got nothing; pass them as one object"]],
  [
    "no pool, and one address without a list",
    { addresses: "198.51.100.7" },
    [
      "pool: got nothing; pass the PersistentIpPool itself",
      'addresses: got "198.51.100.7"; use a list, even for one entry',
    ],
  ],
])("the set-up of Pods is told of %s", (_, args, lines) => {
  const expected = ["podSetup is not valid:", ...lines.map((line) => `  - ${line}`)].join("\n");
  for (const { podSetup } of [components, constructs]) {
    expect(saidBy(() => (podSetup as (given: unknown) => unknown)(args))).toBe(expected);
  }
});

describe("a component of the other flavour is told as such", () => {
  const chart = () => new Chart(new App(), "test");
  const addresses = ["198.51.100.7"];
  const pools = {
    pulumi: () => components.PersistentIpPool.fromAddresses("edge", { addresses }),
    cdk8s: () => constructs.PersistentIpPool.fromAddresses(chart(), "edge", { addresses }),
  };
  const location = "us-central1";
  const clusters = {
    pulumi: () => new components.PersistentIpCluster("core", { location, project: "my-project" }),
    cdk8s: () => constructs.PersistentIpCluster.fromExisting(chart(), "core", { clusterName: "core", location }),
  };
  const inPulumi = (kind: string) => `got a ${kind} of podpin/cdk8s; pass one that podpin/pulumi makes`;
  const inCdk8s = (kind: string) => `got a ${kind} of podpin/pulumi; pass one that podpin/cdk8s makes`;

  test.each(["PinnedPodRoute", "PinnedStatefulSet", "PinnedDeployment", "PersistentIpFirewall"] as const)(
    "the pool of a %s",
    (kind) => {
      expect(saidBy(() => new components[kind]("shaped", { pool: pools.cdk8s() } as never))).toBe(
        invalid(kind, `pool: ${inPulumi("PersistentIpPool")}`),
      );
      expect(saidBy(() => new constructs[kind](chart(), "shaped", { pool: pools.pulumi() } as never))).toBe(
        invalid(kind, `pool: ${inCdk8s("PersistentIpPool")}`),
      );
    },
  );

  test.each(["PersistentIpPool", "PersistentIpNodePool", "PersistentIpController", "PodNetwork"] as const)(
    "the cluster of a %s",
    (kind) => {
      expect(saidBy(() => new components[kind]("shaped", { cluster: clusters.cdk8s() } as never))).toBe(
        invalid(kind, `cluster: ${inPulumi("PersistentIpCluster")}`),
      );
      expect(saidBy(() => new constructs[kind](chart(), "shaped", { cluster: clusters.pulumi() } as never))).toBe(
        invalid(kind, `cluster: ${inCdk8s("PersistentIpCluster")}`),
      );
    },
  );

  test("the pool of a podSetup", () => {
    expect(saidBy(() => components.podSetup({ pool: pools.cdk8s() } as never))).toContain(
      `pool: ${inPulumi("PersistentIpPool")}`,
    );
    expect(saidBy(() => constructs.podSetup({ pool: pools.pulumi() } as never))).toContain(
      `pool: ${inCdk8s("PersistentIpPool")}`,
    );
  });
});
