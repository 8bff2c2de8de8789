// Pods and nodes that have IPv6 addresses, alone or besides IPv4, in either order: persistent addresses are IPv4, and so is the way to them.
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { aPod } from "../support/objects";
import { aNode, newRoute, World } from "./world";

const { gkeIpRoutes, nodes, pods } = RESOURCES;

let world: World;
beforeEach(() => {
  world = new World();
  world.server.create(gkeIpRoutes, newRoute());
});
afterEach(() => world.stop());

function pod(name: string, node: string, ips: readonly string[], created = "2026-01-01T00:01:00Z"): void {
  const { status, ...rest } = aPod(name, { node, created });
  world.put(pods, { ...rest, status: { ...status, podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } });
}
const why = (): readonly string[] => (world.route()?.status?.conditions ?? []).map(({ message }) => message);
const isReady = (): boolean => world.ready() === "True ProgrammingComplete";

test.each([[["2001:db8::5", "10.244.1.5"]], [["10.244.1.5", "2001:db8::5"]]])(
  "a Pod with %j is served by its IPv4 address",
  async (ips) => {
    pod("p", "node1", ips);
    world.start();
    await world.until(isReady);
    expect(world.binding()?.spec.owner?.podIp).toBe("10.244.1.5");
  },
);

test("a Pod with IPv6 alone has no place for the address, and the route says what it lacks; a Pod that has one comes before it", async () => {
  pod("p", "node1", ["2001:db8::5"]);
  world.start();
  await world.until(() => why().length > 0);
  expect(why()[1]).toBe(
    "Pod p has only 2001:db8::5 on network default; a persistent address is delivered to a Pod's own IPv4 address, so the Pod needs one",
  );
  pod("q", "node2", ["10.244.2.9"], "2026-01-01T00:00:30Z");
  await world.until(isReady);
  expect(world.binding()?.spec.nodeName).toBe("node2");
});

test("between nodes the packets go by IPv4, whichever address stands first; and ranges of IPv6 are left out", async () => {
  for (const [name, address] of [
    ["node1", "172.30.0.11"],
    ["node2", "172.30.0.12"],
  ] as const) {
    const { metadata } = world.server.get<KubeObject>(nodes, { name })!;
    const [InternalIP, podCIDRs] = [
      ["2001:db8::1", address],
      ["2001:db8:1::/64", `10.244.${name.slice(-1)}.0/24`],
    ];
    const addresses = InternalIP.map((ip) => ({ type: "InternalIP", address: ip }));
    const { status, ...rest } = aNode(name, address) as KubeObject & { status: object };
    const node = { ...rest, metadata, spec: { podCIDRs }, status: { ...status, addresses } };
    world.server.put(nodes, node as KubeObject);
  }
  pod("p", "node1", ["2001:db8::5", "10.244.1.5"]);
  world.start();
  await world.until(isReady);
  world.agents.clear();
  pod("q", "node2", ["2001:db8::9", "10.244.2.9"], "2026-01-01T00:30:00Z");
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", forwardTo: "172.30.0.12" });
  expect(world.ranges()?.split("\n")).toEqual([
    "10.244.1.0/24",
    "10.244.2.0/24",
    "169.254.0.0/16",
    "172.30.0.11/32",
    "172.30.0.12/32",
    "224.0.0.0/4",
  ]);
});
