// The role that the components declare, against what the stand-in asks for: nothing is missing, and nothing is granted that no
// call needs.
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { QuotaWatch } from "../../../controller-image/src/fabric/gce/metrics";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { Metrics } from "../../../controller-image/src/kube/metrics";
import { GoogleCloudDriver } from "../../../lib/model/google-cloud";
import { controllerPermissions } from "../../../lib/model/iam";
import { CloudWorld, intentFor, isLed, REGION } from "./cloud-world";

jest.setTimeout(120_000);

const MINUTE = 60_000;

test.each([
  { googleCloudDriver: GoogleCloudDriver.HaPolicy, driver: haPolicy },
  { googleCloudDriver: GoogleCloudDriver.TargetInstance, driver: targetInstance },
])(
  "the role for $googleCloudDriver has every permission that a route's life takes",
  async ({ googleCloudDriver, driver }) => {
    const granted = controllerPermissions({ googleCloudDriver, googleCloudFirewallSources: ["0.0.0.0/0"] });
    const world = new CloudWorld();
    const scope = `regions/${REGION}`;
    world.cloud.make("global", "networks", { name: "blue" });
    const blue = { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" };
    world.cloud.make(scope, "subnetworks", blue);
    world.addNode("node4", [{}, { subnetwork: `${scope}/subnetworks/blue` }]);
    for (const address of ["203.0.113.10", "203.0.113.12"]) world.reserve(address);
    world.reserve("10.128.0.50", { addressType: "INTERNAL", subnetwork: `${scope}/subnetworks/default` });
    world.cloud.conditions.grantOnly(granted);
    const replica = world.replica({ driver, firewall: { sourceRanges: ["0.0.0.0/0"], targetTags: ["nodes"] } });
    const { fabric } = replica;
    const { clock } = world;
    const quotas = new QuotaWatch({
      compute: world.client(),
      region: REGION,
      clock,
      log: () => undefined,
      metrics: new Metrics(),
    });
    quotas.start();
    fabric.start();
    fabric.settled();
    const both = (leader: string, epoch: number) => [
      intentFor({ leader, candidates: ["node1", "node2"], epoch }),
      intentFor({ uid: "route-uid-2", addresses: ["10.128.0.50"], leader, internal: true, epoch }),
      intentFor({ uid: "route-uid-3", addresses: ["203.0.113.12"], leader: "node4", network: "blue", epoch }),
    ];
    for (const [leader, epoch] of [
      ["node1", 1],
      ["node2", 2],
    ] as const) {
      for (const intent of both(leader, epoch)) fabric.want(intent);
      await world.until(() => both(leader, epoch).every((intent) => isLed(replica, intent)));
      await clock.run(MINUTE);
    }
    // A second address changes the firewall rule; what is idle goes.
    world.reserve("203.0.113.11");
    fabric.want(intentFor({ addresses: ["203.0.113.10", "203.0.113.11"], leader: "node2", epoch: 2 }));
    await clock.run(20 * MINUTE);
    for (const { route } of both("node2", 2)) fabric.remove(route.uid);
    await clock.run(30 * MINUTE);
    expect(world.made).toEqual([]);
    expect(world.cloud.calls.log.filter(({ status }) => status === 403)).toEqual([]);
    const needed = world.cloud.calls.permissions;
    expect(granted.filter((permission) => !needed.includes(permission))).toEqual([]);
    await fabric.stop();
    quotas.stop();
  },
);
