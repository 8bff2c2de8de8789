// Google's own client, which nobody here wrote, drives the stand-in over a socket. Real time, with operations of a few
// milliseconds; nothing here depends on how long anything takes.
import { compute_v1 } from "@googleapis/compute/build/v1";
import { systemClock } from "../../../controller-image/src/kube/clock";
import { ComputeCloud, serveCompute, type ComputeServer } from "../../../lab/cloud";
import { A, B, R, group, leader, linkTo, rule, service } from "./support";

// A few dozen calls over a socket; how long that is depends on the machine.
jest.setTimeout(60_000);

const project = "demo";
const region = "us-central1";
const [zoneA, zoneB] = ["us-central1-a", "us-central1-b"];

let cloud: ComputeCloud;
let server: ComputeServer;
let compute: compute_v1.Compute;

beforeEach(async () => {
  cloud = new ComputeCloud({ clock: systemClock, operation: { from: 1, to: 5 } });
  cloud.make(A, "instances", { name: "alpha", networkInterfaces: [{}] });
  cloud.make(B, "instances", { name: "beta", networkInterfaces: [{}] });
  cloud.make(R, "addresses", { name: "web", address: "203.0.113.7" });
  server = await serveCompute(cloud);
  // The client would load a fetch of its own by a dynamic import, which jest's sandbox has none of.
  compute = new compute_v1.Compute({ rootUrl: server.url, retry: false, fetchImplementation: fetch });
});

afterEach(async () => {
  await server.close();
  expect(server.mistakes).toEqual([]);
});

/** The operation's end. */
async function done({ data }: { data: compute_v1.Schema$Operation }): Promise<compute_v1.Schema$Operation> {
  const operation = data.name!;
  const wait = data.zone
    ? compute.zoneOperations.wait({ project, zone: data.zone.split("/").pop()!, operation })
    : data.region
      ? compute.regionOperations.wait({ project, region, operation })
      : compute.globalOperations.wait({ project, operation });
  const ended = (await wait).data;
  expect(ended).toMatchObject({ status: "DONE", progress: 100 });
  return ended;
}

/** What the call is refused with. */
async function refusal(call: Promise<unknown>): Promise<{ status: number; reason: string }> {
  const error = await call.then(
    () => {
      throw new Error("the call was not refused");
    },
    (refused: { response: { status: number; data: { error: { errors: { reason: string }[] } } } }) => refused.response,
  );
  return { status: error.status, reason: error.data.error.errors[0]!.reason };
}

async function brought(): Promise<void> {
  for (const [zone, instance] of [
    [zoneA, "alpha"],
    [zoneB, "beta"],
  ] as const) {
    await done(await compute.networkEndpointGroups.insert({ project, zone, requestBody: group() }));
    await done(
      await compute.networkEndpointGroups.attachNetworkEndpoints({
        project,
        zone,
        networkEndpointGroup: "ipr-x",
        requestBody: { networkEndpoints: [{ instance }] },
      }),
    );
  }
  const requestBody = service([A, B], leader(A, "alpha"));
  await done(await compute.regionBackendServices.insert({ project, region, requestBody }));
  await done(await compute.forwardingRules.insert({ project, region, requestBody: rule() }));
}

test("Google's client brings an address to a VM, moves it with one PATCH, and takes everything down", async () => {
  await brought();
  expect(cloud.delivery.deliver("203.0.113.7")?.instance).toBe("alpha");
  const backendService = "ipr-x";
  const { data: before } = await compute.regionBackendServices.get({ project, region, backendService });
  const requestBody = { fingerprint: before.fingerprint, haPolicy: { leader: leader(B, "beta") } };
  await done(await compute.regionBackendServices.patch({ project, region, backendService, requestBody }));
  expect(cloud.delivery.deliver("203.0.113.7")?.instance).toBe("beta");
  const { data: after } = await compute.regionBackendServices.get({ project, region, backendService });
  expect(after.haPolicy).toEqual({ fastIPMove: "DISABLED", leader: leader(B, "beta") });
  expect(after.fingerprint).not.toBe(before.fingerprint);
  expect(await refusal(compute.regionBackendServices.patch({ project, region, backendService, requestBody }))).toEqual({
    status: 412,
    reason: "conditionNotMet",
  });

  await done(await compute.forwardingRules.delete({ project, region, forwardingRule: "ipr-x-1" }));
  await done(await compute.regionBackendServices.delete({ project, region, backendService }));
  for (const zone of [zoneA, zoneB]) {
    await done(await compute.networkEndpointGroups.delete({ project, zone, networkEndpointGroup: "ipr-x" }));
  }
  const { data: address } = await compute.addresses.get({ project, region, address: "web" });
  expect(address).toMatchObject({ status: "RESERVED", address: "203.0.113.7", networkTier: "PREMIUM" });
});

test("Google's client reads lists by scope, in pages and with a filter", async () => {
  await brought();
  const groups = await compute.networkEndpointGroups.aggregatedList({ project, filter: "name:ipr-*" });
  expect(groups.data.items?.["zones/us-central1-b"]?.networkEndpointGroups?.map(({ size }) => size)).toEqual([1]);
  expect(groups.data.items?.["zones/us-central1-f"]?.warning?.code).toBe("NO_RESULTS_ON_PAGE");
  const services = await compute.backendServices.aggregatedList({ project });
  expect(services.data.items?.["regions/us-central1"]?.backendServices?.map(({ name }) => name)).toEqual(["ipr-x"]);
  const zones: (string | null | undefined)[] = [];
  let pageToken: string | undefined;
  do {
    const { data } = await compute.zones.list({ project, maxResults: 2, pageToken });
    zones.push(...(data.items ?? []).map(({ name }) => name));
    pageToken = data.nextPageToken ?? undefined;
  } while (pageToken !== undefined);
  expect(zones).toEqual(["a", "b", "c", "f"].map((letter) => `us-central1-${letter}`));
  const endpoints = await compute.networkEndpointGroups.listNetworkEndpoints({
    project,
    zone: zoneA,
    networkEndpointGroup: "ipr-x",
    requestBody: {},
  });
  expect(endpoints.data.items?.map(({ networkEndpoint }) => networkEndpoint?.instance)).toEqual([
    linkTo(`${A}/instances/alpha`),
  ]);
});

test("Google's client gets Google's errors: unknown field, leader that is detached, name that is taken, nothing there", async () => {
  await brought();
  const odd = { ...rule("ipr-x-2"), ipAddress: "203.0.113.8" } as compute_v1.Schema$ForwardingRule;
  expect(await refusal(compute.forwardingRules.insert({ project, region, requestBody: odd }))).toEqual({
    status: 400,
    reason: "invalid",
  });
  const detach = compute.networkEndpointGroups.detachNetworkEndpoints({
    project,
    zone: zoneA,
    networkEndpointGroup: "ipr-x",
    requestBody: { networkEndpoints: [{ instance: "alpha" }] },
  });
  expect(await refusal(detach)).toEqual({ status: 400, reason: "resourceInUseByAnotherResource" });
  expect(await refusal(compute.forwardingRules.insert({ project, region, requestBody: rule() }))).toEqual({
    status: 409,
    reason: "alreadyExists",
  });
  expect(await refusal(compute.targetInstances.get({ project, zone: zoneA, targetInstance: "none" }))).toEqual({
    status: 404,
    reason: "notFound",
  });
});

test("a connection that is reset, and a JSON that is none, are what Google's client and a plain one see", async () => {
  cloud.faults.add({ calls: "zones.list", reset: "before", times: 1 });
  const lost = await compute.zones.list({ project }).catch((error: unknown) => error);
  expect(lost).toMatchObject({ response: undefined });
  expect(cloud.calls.log.map(({ id, status }) => [id, status])).toEqual([["zones.list", undefined]]);
  const response = await fetch(`${server.url}compute/v1/projects/demo/regions/us-central1/addresses`, {
    method: "POST",
    body: "{",
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { errors: [{ reason: "parseError" }] } });
});

test("a call without a body takes none, or the empty text that another client of Google's sends", async () => {
  const { data } = await compute.addresses.insert({ project, region, requestBody: { name: "fresh" } });
  const post = async (body: string): Promise<[number, unknown]> => {
    const url = `${server.url}compute/v1/projects/demo/regions/us-central1/operations/${data.name!}/wait`;
    const response = await fetch(url, { method: "POST", body });
    return [response.status, await response.json()];
  };
  expect(await post('""')).toMatchObject([200, { status: "DONE" }]);
  expect(await post("{}")).toMatchObject([200, { status: "DONE" }]);
  expect(await post('{"name":"x"}')).toMatchObject([
    400,
    { error: { message: "The call regionOperations.wait has no body.", errors: [{ reason: "badRequest" }] } },
  ]);
});

test("Google's client takes what Pulumi's provider for Google Cloud sends: partial links, PUT for a health check, its own polls", async () => {
  // By `get` again and again, as that provider does.
  const polled = async ({ data }: { data: compute_v1.Schema$Operation }): Promise<void> => {
    const operation = data.name!;
    let now = data;
    while (now.status !== "DONE") {
      ({ data: now } = data.region
        ? await compute.regionOperations.get({ project, region, operation })
        : await compute.globalOperations.get({ project, operation }));
    }
    expect(now.error).toBeUndefined();
  };
  const place = `projects/${project}/regions/${region}`;
  // As it writes a region in a body (recorded in its own tests), although that is no link of the API.
  const written = `projects/${project}/global/regions/${region}`;
  const inside = { name: "inside", region: written, addressType: "INTERNAL", purpose: "GCE_ENDPOINT" };
  const requestBody = { ...inside, networkTier: "PREMIUM", subnetwork: `${place}/subnetworks/default` };
  await polled(await compute.addresses.insert({ project, region, requestBody }));
  const { data: made } = await compute.addresses.get({ project, region, address: "inside" });
  expect(made).toMatchObject({ region: linkTo(R), subnetwork: linkTo(`${R}/subnetworks/default`), status: "RESERVED" });
  const { labelFingerprint } = made;
  const labels = { team: "amf" };
  await polled(
    await compute.addresses.setLabels({
      project,
      region,
      resource: "inside",
      requestBody: { labels, labelFingerprint },
    }),
  );
  const stale = { labels: {}, labelFingerprint };
  expect(
    await refusal(compute.addresses.setLabels({ project, region, resource: "inside", requestBody: stale })),
  ).toEqual({ status: 412, reason: "conditionNotMet" });

  const network = `projects/${project}/global/networks/default`;
  const wall = {
    name: "wall",
    network,
    direction: "INGRESS",
    disabled: false,
    logConfig: { enable: false },
    priority: 1000,
  };
  const open = { ...wall, allowed: [{ IPProtocol: "tcp", ports: ["8080"] }], sourceRanges: ["0.0.0.0/0"] };
  await polled(await compute.firewalls.insert({ project, requestBody: open }));
  const narrow = { ...open, sourceRanges: ["203.0.113.0/24"] };
  await polled(await compute.firewalls.patch({ project, firewall: "wall", requestBody: narrow }));
  expect((await compute.firewalls.get({ project, firewall: "wall" })).data).toMatchObject({
    network: linkTo("global/networks/default"),
    sourceRanges: ["203.0.113.0/24"],
  });

  const check = {
    name: "ready",
    region: written,
    checkIntervalSec: 5,
    timeoutSec: 5,
    type: "TCP",
    tcpHealthCheck: { port: 80 },
  };
  await polled(await compute.regionHealthChecks.insert({ project, region, requestBody: check }));
  const http = { ...check, type: "HTTP", tcpHealthCheck: undefined, httpHealthCheck: { port: 8080 } };
  const [healthCheck, address, firewall] = ["ready", "inside", "wall"];
  await polled(await compute.regionHealthChecks.update({ project, region, healthCheck, requestBody: http }));
  const { data: changed } = await compute.regionHealthChecks.get({ project, region, healthCheck });
  expect(changed).toMatchObject({ type: "HTTP", httpHealthCheck: { port: 8080 }, healthyThreshold: 2 });
  expect(changed).not.toHaveProperty("tcpHealthCheck");
  const twoKinds = { ...http, tcpHealthCheck: { port: 80 } };
  expect(
    await refusal(compute.regionHealthChecks.patch({ project, region, healthCheck, requestBody: twoKinds })),
  ).toEqual({ status: 400, reason: "invalid" });

  await polled(await compute.regionHealthChecks.delete({ project, region, healthCheck }));
  await polled(await compute.firewalls.delete({ project, firewall }));
  await polled(await compute.addresses.delete({ project, region, address }));
  expect(await refusal(compute.addresses.get({ project, region, address }))).toEqual({
    status: 404,
    reason: "notFound",
  });
});

test("Google's client gets the part of an answer that it asks for, and the operations of every scope", async () => {
  await brought();
  const fields = "items(name,IPAddress),nextPageToken";
  const { data: rules } = await compute.forwardingRules.list({ project, region, fields });
  expect(rules).toEqual({ items: [{ name: "ipr-x-1", IPAddress: "203.0.113.7" }] });
  const service = await compute.regionBackendServices.get({
    project,
    region,
    backendService: "ipr-x",
    fields: "haPolicy/leader",
  });
  expect(service.data).toEqual({ haPolicy: { leader: leader(A, "alpha") } });
  const everywhere = "items/*/networkEndpointGroups(name,size)";
  const { data: groups } = await compute.networkEndpointGroups.aggregatedList({ project, fields: everywhere });
  expect(groups.items).toMatchObject({
    global: {},
    [R]: {},
    [A]: { networkEndpointGroups: [{ name: "ipr-x", size: 1 }] },
  });
  expect(await refusal(compute.forwardingRules.list({ project, region, fields: "items/ipAddress" }))).toEqual({
    status: 400,
    reason: "invalidParameter",
  });

  const { data: operations } = await compute.globalOperations.aggregatedList({
    project,
    filter: "operationType = insert",
  });
  const targets = (operations.items?.[R]?.operations ?? []).map(({ targetLink }) => targetLink).sort();
  expect(targets).toEqual([linkTo(`${R}/backendServices/ipr-x`), linkTo(`${R}/forwardingRules/ipr-x-1`)]);
  expect(operations.items?.["global"]?.warning?.code).toBe("NO_RESULTS_ON_PAGE");
});

test("Google's client works in a project of a domain, whose id has a colon, and gets an answer to a path that cannot be read", async () => {
  const own = "example.com:demo-one";
  const world = new ComputeCloud({ clock: systemClock, operation: { from: 1, to: 5 }, projects: [own] });
  const other = await serveCompute(world);
  const client = new compute_v1.Compute({ rootUrl: other.url, retry: false, fetchImplementation: fetch });
  const begun = await client.addresses.insert({ project: own, region, requestBody: { name: "web" } });
  await client.regionOperations.wait({ project: own, region, operation: begun.data.name! });
  const { data } = await client.addresses.aggregatedList({ project: own });
  expect(data.items?.[R]?.addresses?.map(({ selfLink }) => selfLink)).toEqual([
    `https://www.googleapis.com/compute/v1/projects/${own}/${R}/addresses/web`,
  ]);
  expect((await fetch(`${other.url}compute/v1/projects/%E0%A4%A/regions`)).status).toBe(404);
  await other.close();
  expect(other.mistakes).toEqual([]);
});
