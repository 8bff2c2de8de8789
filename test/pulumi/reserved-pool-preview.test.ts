// What a preview shows of a pool whose addresses nobody knows yet.
import { PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";
import { graphOf, isKnownNow, useMocks } from "./graph";

useMocks({ preview: true });

test("shows every address, every Gateway and every route", async () => {
  let pool!: PersistentIpPool;
  const { registered } = await graphOf((opts) => {
    pool = new PersistentIpPool("db", { region: "us-central1", size: 17 }, opts);
    new PinnedPodRoute("pin", { pool, statefulSet: "db", ordinal: 1 }, opts);
  });
  const count = (type: string) => registered.filter((one) => one.type.endsWith(`:${type}`)).length;
  expect([count("Address"), count("Gateway"), count("GKEIPRoute")]).toEqual([17, 2, 2]);
  expect(await Promise.all(pool.addresses.map(isKnownNow))).toEqual(Array(17).fill(false));
});

test("shows the values that the program asks for", async () => {
  let pool!: PersistentIpPool;
  const { registered } = await graphOf((opts) => {
    const args = { region: "us-central1", addressType: "INTERNAL", subnetwork: "regions/us-central1/subnetworks/n" };
    pool = new PersistentIpPool("db", { ...args, addressType: "INTERNAL", addresses: ["10.0.0.5", "10.0.0.6"] }, opts);
  });
  expect(await Promise.all(pool.addresses.map(isKnownNow))).toEqual([true, true]);
  expect(registered.at(-1)?.inputs["spec"]).toMatchObject({
    addresses: [{ value: "10.0.0.5/32" }, { value: "10.0.0.6/32" }],
  });
});
