import { CloudWorld, intentFor, isLed } from "./cloud-world";

const ADDRESSES = ["203.0.113.10", "203.0.113.11", "203.0.113.12"];

describe.each(["ha-policy"] as const)("driver %s", () => {
  test("leads the addresses of a route to a node, moves them by one call, and takes everything away again", async () => {
    const world = new CloudWorld();
    for (const address of ADDRESSES) world.reserve(address);
    const replica = world.replica();
    const { fabric } = replica;
    fabric.start();
    const first = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(first);
    await world.until(() => isLed(replica, first));
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1", "node1"]);
    await world.clock.run(10_000);

    world.cloud.calls.clear();
    const second = intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node1", "node2"], epoch: 2 });
    fabric.want(second);
    await world.until(() => isLed(replica, second));
    expect(world.changes).toEqual(["regionBackendServices.patch"]);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node2", "node2", "node2"]);

    fabric.remove(first.route.uid);
    await world.until(() => fabric.view(first.route.uid).empty);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });
});
