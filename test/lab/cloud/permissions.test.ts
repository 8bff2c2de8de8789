// Which permissions the calls need, held against the role of podpin's design.
import {
  A,
  API,
  B,
  R,
  addresses,
  group,
  groups,
  leader,
  linkTo,
  populated,
  rule,
  rules,
  service,
  services,
} from "./support";

/** The custom role, without the lines that no call of Compute asks for by itself. */
const ROLE = [
  "compute.addresses.get",
  "compute.addresses.list",
  "compute.addresses.use",
  "compute.forwardingRules.create",
  "compute.forwardingRules.delete",
  "compute.forwardingRules.get",
  "compute.forwardingRules.list",
  "compute.forwardingRules.setLabels",
  "compute.instances.get",
  "compute.instances.use",
  "compute.networkEndpointGroups.attachNetworkEndpoints",
  "compute.networkEndpointGroups.create",
  "compute.networkEndpointGroups.delete",
  "compute.networkEndpointGroups.detachNetworkEndpoints",
  "compute.networkEndpointGroups.get",
  "compute.networkEndpointGroups.list",
  "compute.networkEndpointGroups.use",
  "compute.networks.use",
  "compute.regionBackendServices.create",
  "compute.regionBackendServices.delete",
  "compute.regionBackendServices.get",
  "compute.regionBackendServices.list",
  "compute.regionBackendServices.update",
  "compute.regionBackendServices.use",
  "compute.regionOperations.get",
  "compute.regions.get",
  "compute.subnetworks.use",
  "compute.zoneOperations.get",
  "compute.zones.list",
];

test("the life of an external address needs exactly this", async () => {
  const { cloud, call, done, get } = populated();
  const groupBody = {
    name: "ipr-x",
    networkEndpointType: "GCE_VM_IP",
    network: linkTo("global/networks/default"),
    subnetwork: linkTo(`${R}/subnetworks/default`),
  };
  await get("zones");
  await get(R);
  await get(`${A}/instances/alpha`);
  await get(`${addresses}/web`);
  for (const collection of ["addresses", "forwardingRules", "backendServices", "networkEndpointGroups"]) {
    await get(`aggregated/${collection}`);
  }
  for (const [zone, instance] of [
    [A, "alpha"],
    [B, "beta"],
  ] as const) {
    await done("POST", `${zone}/networkEndpointGroups`, groupBody);
    const body = { networkEndpoints: [{ instance }] };
    await done("POST", `${zone}/networkEndpointGroups/ipr-x/attachNetworkEndpoints`, body);
  }
  await call("POST", `${groups}/ipr-x/listNetworkEndpoints`, {});
  await done("POST", services, service([A, B], leader(A, "alpha")));
  await done("POST", rules, rule("ipr-x-1", { labels: { route: "x" } }));
  await get(`${rules}/ipr-x-1`);
  const { fingerprint } = await get(`${services}/ipr-x`);
  await done("PATCH", `${services}/ipr-x`, { fingerprint, haPolicy: { leader: leader(B, "beta") } });
  await done("POST", `${groups}/ipr-x/detachNetworkEndpoints`, { networkEndpoints: [{ instance: "alpha" }] });
  await done("DELETE", `${rules}/ipr-x-1`);
  await done("DELETE", `${services}/ipr-x`);
  await done("DELETE", `${groups}/ipr-x`);
  expect(cloud.calls.permissions).toEqual(ROLE);
  expect(cloud.calls.log.every(({ permissions }) => permissions.length > 0)).toBe(true);
});

test.each([
  [
    "an internal rule",
    "POST",
    rules,
    { loadBalancingScheme: "INTERNAL", IPAddress: "10.128.0.9" },
    ["addresses.useInternal", "forwardingRules.create"],
  ],
  [
    "a rule for a target instance",
    "POST",
    rules,
    { target: linkTo(`${A}/targetInstances/x`) },
    ["forwardingRules.create", "targetInstances.use"],
  ],
  [
    "a move between target instances",
    "POST",
    `${rules}/x/setTarget`,
    { target: linkTo(`${A}/targetInstances/x`) },
    ["forwardingRules.setTarget", "targetInstances.use"],
  ],
  [
    "a target instance",
    "POST",
    `${A}/targetInstances`,
    { name: "x", instance: "alpha" },
    ["instances.use", "targetInstances.create"],
  ],
  ["a firewall", "POST", "global/firewalls", { name: "x" }, ["firewalls.create", "networks.updatePolicy"]],
  ["a change of a firewall", "PATCH", "global/firewalls/x", {}, ["firewalls.update", "networks.updatePolicy"]],
  ["an operation everywhere", "GET", "global/operations/x", undefined, ["globalOperations.get"]],
])("%s needs its own permission and those of what it names", async (_title, method, path, body, wanted) => {
  const { call, cloud } = populated();
  await call(method, path, body);
  expect(cloud.calls.permissions).toEqual(wanted.map((permission) => `compute.${permission}`));
});

test("what a body names in another project is asked for there", async () => {
  const { call, cloud } = populated({ projects: ["demo", "host"] });
  const named = (what: string): string => `${API}projects/host/${what}`;
  const body = { ...group(), network: named("global/networks/default"), subnetwork: named(`${R}/subnetworks/default`) };
  cloud.conditions.grantOnly(["compute.networkEndpointGroups.create"], "demo");
  cloud.conditions.grantOnly(["compute.networks.use"], "host");
  expect(await call("POST", groups, body)).toMatchObject({
    status: 403,
    body: {
      error: {
        message: `Required 'compute.subnetworks.use' permission for 'projects/host/${R}/subnetworks/default'`,
      },
    },
  });
  cloud.conditions.grantOnly(["compute.networks.use", "compute.subnetworks.use"], "host");
  expect((await call("POST", groups, body)).status).toBe(200);
  expect(cloud.calls.permissionsIn("demo")).toEqual(["compute.networkEndpointGroups.create"]);
  expect(cloud.calls.permissionsIn("host")).toEqual(["compute.networks.use", "compute.subnetworks.use"]);
});

test("whoever has only some permissions is told so by testIamPermissions, and refused for the first that is missing", async () => {
  const { call, cloud } = populated();
  cloud.conditions.grantOnly(["compute.addresses.get", "compute.regionBackendServices.get"]);
  const permissions = ["compute.regionBackendServices.get", "compute.regionBackendServices.update"];
  const asked = await call("POST", `${services}/x/testIamPermissions`, { permissions });
  expect(asked).toEqual({ status: 200, body: { permissions: ["compute.regionBackendServices.get"] } });
  expect((await call("GET", `${addresses}/web`)).status).toBe(200);
  expect(await call("GET", addresses)).toMatchObject({
    status: 403,
    body: {
      error: { message: `Required 'compute.addresses.list' permission for 'projects/demo/${addresses}'` },
    },
  });
});
