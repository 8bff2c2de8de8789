import fc from "fast-check";

import { bridgeOf, macOf, namespaceOf, newLabId, planNodes, portOf, providerIdOf, tagOf } from "../../lab/cluster/plan";

test("every interface name fits into the kernel's 15 characters, whatever the id", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (random, node) => {
      const id = newLabId(random);
      expect(id).toMatch(/^[a-z2-7]{6}$/);
      for (const name of [bridgeOf(id), portOf(id, "client"), portOf(id, node)]) {
        expect(name.length).toBeLessThanOrEqual(15);
        expect(name).toContain(id);
      }
    }),
  );
});

test("two labs have no machine-wide name in common", () => {
  const names = (id: string): string[] => [tagOf(id), namespaceOf(id, "cp"), bridgeOf(id), portOf(id, 1)];
  const others = new Set(names("aaaaab"));
  expect(names("aaaaaa").filter((name) => others.has(name))).toEqual([]);
});

test("nodes have their number in every address", () => {
  expect(planNodes(2)).toEqual([
    {
      index: 1,
      name: "node1",
      address: "172.30.0.11",
      mac: "02:00:ac:1e:00:0b",
      podCidr: "10.244.1.0/24",
      zone: "us-central1-a",
    },
    {
      index: 2,
      name: "node2",
      address: "172.30.0.12",
      mac: "02:00:ac:1e:00:0c",
      podCidr: "10.244.2.0/24",
      zone: "us-central1-b",
    },
  ]);
});

test("nodes are VMs in the zones of a region, in turn", () => {
  expect(planNodes(4).map(providerIdOf)).toEqual([
    "gce://podpin-lab/us-central1-a/node1",
    "gce://podpin-lab/us-central1-b/node2",
    "gce://podpin-lab/us-central1-c/node3",
    "gce://podpin-lab/us-central1-a/node4",
  ]);
});

test("no node has the client's address", () => {
  expect(planNodes(50).map((node) => node.address)).not.toContain("172.30.0.100");
});

test.each([-1, 51, 1.5, Number.NaN])("refuses %p nodes and says what is allowed", (count) => {
  expect(() => planNodes(count)).toThrow(`nodes: got ${count}; use a whole number from 0 to 50`);
});

test("a MAC address is locally administered and shows the IPv4 address", () => {
  expect(macOf("172.30.0.100")).toBe("02:00:ac:1e:00:64");
});
