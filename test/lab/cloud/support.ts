// A small world for the suites of the Compute stand-in: two zones with a VM each, and calls that wait for their operation.
import { ComputeCloud, type CloudOptions, type CloudResponse } from "../../../lab/cloud";
import { VirtualClock } from "../../support/virtual-clock";

export const API = "https://www.googleapis.com/compute/v1/";
export const PREFIX = "/compute/v1/projects/demo/";
export const A = "zones/us-central1-a";
export const B = "zones/us-central1-b";
export const R = "regions/us-central1";
export const linkTo = (path: string): string => `${API}projects/demo/${path}`;

export interface World {
  readonly clock: VirtualClock;
  readonly cloud: ComputeCloud;
  /** One call, in virtual time. @param path after the project's prefix */
  call(method: string, path: string, body?: unknown, query?: Record<string, string>): Promise<CloudResponse>;
  /** A call that begins an operation, and its wait; fails when it is refused. */
  done(method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>>;
  get(path: string): Promise<Readonly<Record<string, unknown>>>;
}

export function world(options: Partial<CloudOptions> = {}): World {
  const clock = new VirtualClock();
  const cloud = new ComputeCloud({ clock, ...options });
  const call: World["call"] = async (method, path, body, query) => {
    const answer = cloud.handle({ method, path: PREFIX + path, body, query });
    let isOver = false;
    void answer.catch(() => undefined).finally(() => (isOver = true));
    await clock.runUntil(() => isOver);
    return answer;
  };
  const get: World["get"] = async (path) => {
    const { status, body } = await call("GET", path);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  };
  const done: World["done"] = async (method, path, body) => {
    const begun = await call(method, path, body);
    if (begun.status !== 200) throw new Error(JSON.stringify(begun.body));
    const place = path
      .split("/")
      .slice(0, path.startsWith("global") ? 1 : 2)
      .join("/");
    const { body: ended } = await call("POST", `${place}/operations/${String(begun.body["name"])}/wait`);
    return ended;
  };
  return { clock, cloud, call, done, get };
}

/** Two VMs, `alpha` in zone a and `beta` in zone b, and an external address. */
export function populated(options: Partial<CloudOptions> = {}): World {
  const made = world(options);
  made.cloud.make(A, "instances", { name: "alpha", networkInterfaces: [{}] });
  made.cloud.make(B, "instances", { name: "beta", networkInterfaces: [{}] });
  made.cloud.make(R, "addresses", { name: "web", address: "203.0.113.7" });
  return made;
}

export const group = (name = "ipr-x"): Record<string, string> => ({
  name,
  networkEndpointType: "GCE_VM_IP",
  network: linkTo("global/networks/default"),
  subnetwork: linkTo(`${R}/subnetworks/default`),
});

export const leader = (zone: string, instance: string, name = "ipr-x"): object => ({
  backendGroup: linkTo(`${zone}/networkEndpointGroups/${name}`),
  networkEndpoint: { instance },
});

export const service = (zones: readonly string[], led?: object, name = "ipr-x"): Record<string, unknown> => ({
  name,
  loadBalancingScheme: "EXTERNAL",
  protocol: "UNSPECIFIED",
  backends: zones.map((zone) => ({
    group: linkTo(`${zone}/networkEndpointGroups/${name}`),
    balancingMode: "CONNECTION",
  })),
  haPolicy: { fastIPMove: "DISABLED", ...(led === undefined ? {} : { leader: led }) },
});

export const rule = (name = "ipr-x-1", more: object = {}): Record<string, unknown> => ({
  name,
  IPAddress: "203.0.113.7",
  IPProtocol: "L3_DEFAULT",
  allPorts: true,
  loadBalancingScheme: "EXTERNAL",
  networkTier: "PREMIUM",
  backendService: linkTo(`${R}/backendServices/ipr-x`),
  ...more,
});

/** Groups in both zones with their VM, a service led to `alpha`, and a rule for 203.0.113.7. */
export async function led(options: Partial<CloudOptions> = {}): Promise<World> {
  const made = populated(options);
  for (const [zone, instance] of [
    [A, "alpha"],
    [B, "beta"],
  ] as const) {
    await made.done("POST", `${zone}/networkEndpointGroups`, group());
    await made.done("POST", `${zone}/networkEndpointGroups/ipr-x/attachNetworkEndpoints`, {
      networkEndpoints: [{ instance }],
    });
  }
  await made.done("POST", `${R}/backendServices`, service([A, B], leader(A, "alpha")));
  await made.done("POST", `${R}/forwardingRules`, rule());
  return made;
}

/** Paths that the suites of refusals use, and the same as keys of resources. */
export const [addresses, rules, services] = [`${R}/addresses`, `${R}/forwardingRules`, `${R}/backendServices`];
export const [groups, instances] = [`${A}/networkEndpointGroups`, `${A}/instances`];
export const whole = (path: string): string => `projects/demo/${path}`;

/** {@link led}, with more of everything that a call can name by mistake. */
async function crowded(): Promise<World> {
  const made = await led();
  const { cloud } = made;
  cloud.make("global", "networks", { name: "blue" });
  cloud.make(R, "subnetworks", { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" });
  const blue = { subnetwork: linkTo(`${R}/subnetworks/blue`), networkIP: "10.9.0.20" };
  cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{}, blue] });
  cloud.make(R, "addresses", { name: "spare", address: "203.0.113.9" });
  const subnetwork = `${R}/subnetworks/default`;
  cloud.make(R, "addresses", { name: "inside", addressType: "INTERNAL", subnetwork, address: "10.128.0.77" });
  cloud.make(A, "targetInstances", { name: "ti", instance: linkTo(`${A}/instances/gamma`) });
  cloud.make(R, "backendServices", { name: "inner", loadBalancingScheme: "INTERNAL", protocol: "UNSPECIFIED" });
  cloud.make(R, "backendServices", { name: "tcp", loadBalancingScheme: "EXTERNAL", protocol: "TCP" });
  return made;
}

/** One call that is refused. */
type RefusedCall = readonly [
  title: string,
  method: string,
  path: string,
  body: object | undefined,
  status: number,
  reason: string,
  message: string,
];

/** A service of both zones, and a rule for the address that is free. */
export const fresh = (more: object): object => ({ ...service([A, B]), name: "fresh", ...more });
export const spare = (more: object): object => rule("fresh", { IPAddress: "203.0.113.9", ...more });

/** One test for each row. Refused calls change nothing, which each row checks: one world serves them all. */
export function refuses(rows: readonly RefusedCall[]): () => World {
  let world: World;
  beforeAll(async () => {
    world = await crowded();
  });
  test.each(rows)("refuses %s", (...row) => expectRefused(world, row));
  return () => world;
}

/** Makes the call, and holds the answer against all that is said of it; nothing may have changed. */
async function expectRefused(
  { call, cloud }: World,
  [, method, path, body, status, reason, message]: RefusedCall,
): Promise<void> {
  const before = cloud.state.everything;
  expect(await call(method, path, body)).toEqual({
    status,
    body: { error: { code: status, message, errors: [{ message, domain: "global", reason }] } },
  });
  expect(cloud.underWay).toBe(0);
  expect(cloud.state.everything).toEqual(before);
}
