// In a preview the values of new resources are unknown; everything else must show.
import { PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";
import { Address, graphOf, isKnownNow, useMocks } from "./graph";

useMocks({ preview: true });

test("shows every Gateway and every route while all addresses are still to come", async () => {
  let pool!: PersistentIpPool;
  const { registered } = await graphOf((opts) => {
    const reserved = Array.from({ length: 17 }, (_, index) => new Address(`a-${index}`, `203.0.113.${index + 1}`));
    pool = PersistentIpPool.fromAddresses("n2", { addresses: reserved, namespace: "edge" }, opts);
    new PinnedPodRoute("db", { pool, namespace: "edge", statefulSet: "db", ordinal: 1 }, opts);
  });
  expect(await Promise.all(pool.addresses.map(isKnownNow))).toEqual(Array(17).fill(false));
  const objects = registered.filter(({ type }) => type.startsWith("kubernetes:"));
  expect(objects.map(({ name, inputs }) => [name, (inputs["metadata"] as { namespace: string }).namespace])).toEqual([
    ["n2", "edge"],
    ["n2-2", "edge"],
    ["db", "edge"],
    ["db-2", "edge"],
  ]);
  expect(objects[3]?.inputs["spec"]).toMatchObject({
    parentRefs: [{ name: "n2-2", namespace: "edge" }],
    podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "db-1" } },
    reactionMode: "ReadyCondition",
  });
});

test("shows the literals of a pool next to addresses that are still to come", async () => {
  let pool!: PersistentIpPool;
  await graphOf((opts) => {
    pool = PersistentIpPool.fromAddresses(
      "n2",
      { addresses: ["198.51.100.7", new Address("a", "198.51.100.8")] },
      opts,
    );
  });
  expect(await Promise.all(pool.addresses.map(isKnownNow))).toEqual([true, false]);
});
