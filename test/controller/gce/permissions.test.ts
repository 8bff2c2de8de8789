// The role that the components declare, against what the stand-in asks for: nothing is missing, and nothing is granted that no
// call needs; with a Shared VPC in each of the two projects.
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { QuotaWatch } from "../../../controller-image/src/fabric/gce/metrics";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { Metrics } from "../../../controller-image/src/kube/metrics";
import { GoogleCloudDriver } from "../../../lib/model/google-cloud";
import { controllerPermissions, hostProjectPermissions } from "../../../lib/model/iam";
import { CloudWorld, HOST, intentFor, isLed, REGION, SHARED_SUBNETWORK, type Replica } from "./cloud-world";

jest.setTimeout(300_000);

const MINUTE = 60_000;

const DRIVERS = [
  { googleCloudDriver: GoogleCloudDriver.HaPolicy, driver: haPolicy },
  { googleCloudDriver: GoogleCloudDriver.TargetInstance, driver: targetInstance },
];
const FIREWALL = { sourceRanges: ["0.0.0.0/0"], targetTags: ["nodes"] };

/** An external address, an internal one, and one of another network: made, moved, extended, taken away. */
async function liveThrough(world: CloudWorld, replica: Replica, subnetwork: string): Promise<void> {
  const { fabric } = replica;
  const { clock } = world;
  for (const address of ["203.0.113.10", "203.0.113.12"]) world.reserve(address);
  world.reserve("10.128.0.50", { addressType: "INTERNAL", subnetwork });
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
  const all = (leader: string, epoch: number) => [
    intentFor({ leader, candidates: ["node1", "node2"], epoch }),
    intentFor({ uid: "route-uid-2", addresses: ["10.128.0.50"], leader, internal: true, epoch }),
    intentFor({ uid: "route-uid-3", addresses: ["203.0.113.12"], leader: "node4", network: "blue", epoch }),
  ];
  for (const [leader, epoch] of [
    ["node1", 1],
    ["node2", 2],
  ] as const) {
    for (const intent of all(leader, epoch)) fabric.want(intent);
    await world.until(() => all(leader, epoch).every((intent) => isLed(replica, intent)));
    await clock.run(MINUTE);
  }
  // A second address changes the firewall rule; what is idle goes.
  world.reserve("203.0.113.11");
  fabric.want(intentFor({ addresses: ["203.0.113.10", "203.0.113.11"], leader: "node2", epoch: 2 }));
  await clock.run(20 * MINUTE);
  for (const { route } of all("node2", 2)) fabric.remove(route.uid);
  await clock.run(30 * MINUTE);
  await fabric.stop();
  quotas.stop();
}

/** In the project: refused, and granted without a call that needs it. */
function mistakesIn({ cloud }: CloudWorld, project: string, granted: readonly string[]) {
  const isRefused = ({ path, status }: { path: string; status?: number }): boolean =>
    path.includes(`/projects/${project}/`) && status === 403;
  const needed = cloud.calls.permissionsIn(project);
  return {
    refused: cloud.calls.log.filter(isRefused),
    missing: needed.filter((permission) => !granted.includes(permission)),
    unused: granted.filter((permission) => !needed.includes(permission)),
  };
}
const NONE = { refused: [], missing: [], unused: [] };

test.each(DRIVERS)(
  "the role for $googleCloudDriver has every permission that a route's life takes",
  async ({ googleCloudDriver, driver }) => {
    const granted = controllerPermissions({ googleCloudDriver, googleCloudFirewallSources: ["0.0.0.0/0"] });
    const world = new CloudWorld();
    const scope = `regions/${REGION}`;
    world.cloud.make("global", "networks", { name: "blue" });
    const blue = { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" };
    world.cloud.make(scope, "subnetworks", blue);
    world.addNode("node4", [{}, { subnetwork: `${scope}/subnetworks/blue` }]);
    world.cloud.conditions.grantOnly(granted);
    await liveThrough(world, world.replica({ driver, firewall: FIREWALL }), `${scope}/subnetworks/default`);
    expect(world.made).toEqual([]);
    expect(mistakesIn(world, "demo", granted)).toEqual(NONE);
  },
);

describe.each(DRIVERS)(
  "on the network of a host project, with $googleCloudDriver,",
  ({ googleCloudDriver, driver }) => {
    const shared = (): CloudWorld => {
      const world = new CloudWorld({ projects: ["demo", HOST], nodes: 0 });
      const { cloud } = world;
      cloud.make("global", "networks", { name: "blue" }, { project: HOST });
      const blue = { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" };
      cloud.make(`regions/${REGION}`, "subnetworks", blue, { project: HOST });
      const second = { subnetwork: SHARED_SUBNETWORK.replace(/default$/, "blue") };
      for (const node of ["node1", "node2", "node3"]) world.addNode(node, [{ subnetwork: SHARED_SUBNETWORK }]);
      world.addNode("node4", [{ subnetwork: SHARED_SUBNETWORK }, second]);
      return world;
    };

    test.each([
      ["with firewall rules", { googleCloudFirewallSources: ["0.0.0.0/0"] }],
      ["without", {}],
    ])("each role has what is needed in its project: %s", async (_what, sources) => {
      const world = shared();
      const options = { googleCloudDriver, ...sources, sharedVpc: true };
      const [own, there] = [controllerPermissions(options), hostProjectPermissions(options)];
      world.cloud.conditions.grantOnly(own, "demo");
      world.cloud.conditions.grantOnly(there, HOST);
      const firewall = { ...FIREWALL, compute: world.client(HOST) };
      const replica = world.replica({ driver, ...("googleCloudFirewallSources" in sources && { firewall }) });
      await liveThrough(world, replica, SHARED_SUBNETWORK);
      expect(world.made).toEqual([]);
      expect(world.cloud.state.everywhere(HOST, "firewalls")).toEqual([]);
      expect(mistakesIn(world, "demo", own)).toEqual(NONE);
      expect(mistakesIn(world, HOST, there)).toEqual(NONE);
    });

    test("the firewall rule stands there, and what is in its way is named there", async () => {
      const world = shared();
      for (const address of ["203.0.113.10", "203.0.113.12"]) world.reserve(address);
      const replica = world.replica({ driver, firewall: { ...FIREWALL, compute: world.client(HOST) } });
      replica.fabric.start();
      replica.fabric.settled();
      const intent = intentFor({ leader: "node1" });
      replica.fabric.want(intent);
      await world.until(() => isLed(replica, intent));
      await world.clock.run(MINUTE);
      const rules = world.cloud.state.everywhere(HOST, "firewalls").map(({ body }) => body);
      expect(rules).toMatchObject([
        {
          network: `https://www.googleapis.com/compute/v1/projects/${HOST}/global/networks/default`,
          destinationRanges: ["203.0.113.10/32"],
          targetTags: ["nodes"],
        },
      ]);
      expect(world.made.filter((path) => path.includes("firewalls"))).toEqual([]);

      const name = String(rules[0]?.["name"]);
      const path = `global/firewalls/${name}`;
      replica.fabric.remove(intent.route.uid);
      await world.until(() => replica.fabric.view(intent.route.uid).empty);
      await replica.fabric.stop();
      world.cloud.make("global", "firewalls", { name, allowed: [{ IPProtocol: "tcp" }] }, { project: HOST });
      const next = world.replica({ driver, firewall: { ...FIREWALL, compute: world.client(HOST) } });
      next.fabric.start();
      next.fabric.want(intent);
      await world.until(() => next.fabric.view(intent.route.uid).problem !== undefined);
      expect(next.fabric.view(intent.route.uid).problem).toEqual({
        reason: "NameTaken",
        message: `${path} in project ${HOST} is not podpin's for this route and is left alone; delete or rename it.`,
      });
      await next.fabric.stop();
    });
  },
);
