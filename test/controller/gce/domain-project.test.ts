// The older projects of a domain have a colon in their id, and the nodes' providerID, every URL and every answer have it too.
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { CloudWorld, intentFor, isLed } from "./cloud-world";

// Google's schema is 12 MB of text.
jest.setTimeout(300_000);

const PROJECT = "example.com:demo-one";

test.each([
  ["ha-policy", haPolicy],
  ["target-instance", targetInstance],
])("in a project of a domain addresses are led, moved and given up by driver %s", async (_name, driver) => {
  const world = new CloudWorld({ projects: [PROJECT] });
  world.reserve("203.0.113.10");
  const replica = world.replica(
    { driver, compute: world.client(PROJECT) },
    { node: (name) => ({ project: PROJECT, zone: world.zoneOf(name), instance: name }) },
  );
  replica.fabric.start();
  replica.fabric.settled();
  for (const [epoch, leader] of [
    [1, "node1"],
    [2, "node2"],
  ] as const) {
    const intent = intentFor({ leader, epoch });
    replica.fabric.want(intent);
    await world.until(() => isLed(replica, intent));
    expect(world.goesTo("203.0.113.10")).toBe(leader);
  }
  const { uid } = intentFor().route;
  replica.fabric.remove(uid);
  await world.until(() => replica.fabric.view(uid).empty);
  expect(world.cloud.state.everywhere(PROJECT, "forwardingRules")).toEqual([]);
  await replica.fabric.stop();
});
