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

export const group = (name = "ipr-x"): object => ({
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
