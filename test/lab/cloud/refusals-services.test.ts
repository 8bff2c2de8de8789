// What backend services and endpoint groups are refused for, in which words.
import {
  A,
  B,
  R,
  crowded,
  expectRefused,
  group,
  groups,
  instances,
  leader,
  led,
  linkTo,
  rules,
  service,
  services,
  whole,
  type RefusedCall,
  type World,
} from "./support";

// Refused calls change nothing, which each row checks: one world serves them all.
let world: World;
beforeAll(async () => {
  world = await crowded();
});

const fresh = (more: object): object => ({ ...service([A, B]), name: "fresh", ...more });
const NOT_SHARED = "It cannot be specified with haPolicy.";

test.each<RefusedCall>([
  // Backend services
  [
    "a service with groups, no health check and no haPolicy",
    "POST",
    services,
    fresh({ haPolicy: undefined }),
    400,
    "required",
    "Required field 'resource.healthChecks' not specified",
  ],
  [
    "a partial URL of a group",
    "POST",
    services,
    fresh({ backends: [{ group: `${groups}/ipr-x` }] }),
    400,
    "invalid",
    `Invalid value for field 'resource.backends[0].group': '${groups}/ipr-x'. A fully-qualified URL that starts with https://www.googleapis.com/ is needed.`,
  ],
  [
    "a group that does not exist",
    "POST",
    services,
    { ...service([A], undefined, "none"), name: "fresh" },
    404,
    "notFound",
    `The resource '${whole(groups)}/none' was not found`,
  ],
  [
    "a group twice",
    "POST",
    services,
    service([A, A], undefined, "ipr-x"),
    409,
    "alreadyExists",
    `The resource '${whole(services)}/ipr-x' already exists`,
  ],
  [
    "a balancing mode of another load balancer",
    "POST",
    services,
    fresh({ backends: [{ group: linkTo(`${groups}/ipr-x`), balancingMode: "RATE" }] }),
    400,
    "invalid",
    "Invalid value for field 'resource.backends[0].balancingMode': 'RATE'. A passthrough load balancer has CONNECTION.",
  ],
  [
    "haPolicy with a session affinity",
    "POST",
    services,
    fresh({ sessionAffinity: "CLIENT_IP" }),
    400,
    "invalid",
    `Invalid value for field 'resource.sessionAffinity': '"CLIENT_IP"'. ${NOT_SHARED}`,
  ],
  [
    "haPolicy with a failover policy",
    "POST",
    services,
    fresh({ failoverPolicy: { failoverRatio: 1 } }),
    400,
    "invalid",
    `Invalid value for field 'resource.failoverPolicy': '{"failoverRatio":1}'. ${NOT_SHARED}`,
  ],
  [
    "haPolicy with connection draining",
    "POST",
    services,
    fresh({ connectionDraining: { drainingTimeoutSec: 10 } }),
    400,
    "invalid",
    `Invalid value for field 'resource.connectionDraining': '{"drainingTimeoutSec":10}'. ${NOT_SHARED}`,
  ],
  [
    "an internal service with haPolicy and no network",
    "POST",
    services,
    fresh({ loadBalancingScheme: "INTERNAL" }),
    400,
    "required",
    "Required field 'resource.network' not specified",
  ],
  [
    "an external service with a network and slow moves",
    "POST",
    services,
    fresh({ network: linkTo("global/networks/default") }),
    400,
    "invalid",
    `Invalid value for field 'resource.network': '${linkTo("global/networks/default")}'. An EXTERNAL backend service has a network only with haPolicy.fastIPMove.`,
  ],
  [
    "an external service with fast moves and no network",
    "POST",
    services,
    fresh({ haPolicy: { fastIPMove: "GARP_RA" } }),
    400,
    "required",
    "Required field 'resource.network' not specified",
  ],
  [
    "a leader that is not attached",
    "POST",
    services,
    fresh({ haPolicy: { leader: leader(A, "gamma") } }),
    400,
    "invalid",
    `Invalid value for field 'resource.haPolicy.leader.networkEndpoint.instance': 'gamma'. It is not attached to the group '${whole(groups)}/ipr-x'.`,
  ],
  [
    "a leader's group that is no backend",
    "POST",
    services,
    { ...service([B], leader(A, "alpha")), name: "fresh" },
    400,
    "invalid",
    `Invalid value for field 'resource.haPolicy.leader.backendGroup': '${linkTo(`${groups}/ipr-x`)}'. It is no backend of this backend service.`,
  ],
  [
    "a leader that is no VM",
    "POST",
    services,
    fresh({ haPolicy: { leader: leader(A, "none") } }),
    404,
    "notFound",
    `The resource '${whole(instances)}/none' was not found`,
  ],
  [
    "a PATCH without a fingerprint",
    "PATCH",
    `${services}/ipr-x`,
    { description: "x" },
    412,
    "conditionNotMet",
    "Invalid fingerprint: it is not the resource's current one.",
  ],
  [
    "a PATCH with a stale fingerprint",
    "PATCH",
    `${services}/ipr-x`,
    { fingerprint: "b2xk" },
    412,
    "conditionNotMet",
    "Invalid fingerprint: it is not the resource's current one.",
  ],
  [
    "the deletion of a service with a rule",
    "DELETE",
    `${services}/ipr-x`,
    undefined,
    400,
    "resourceInUseByAnotherResource",
    `The resource '${whole(services)}/ipr-x' is already being used by '${whole(rules)}/ipr-x-1'`,
  ],
  // Groups
  [
    "a group with a default port",
    "POST",
    groups,
    { ...group("fresh"), defaultPort: 80 },
    400,
    "invalid",
    "Invalid value for field 'resource.defaultPort': '80'. A group of the type GCE_VM_IP has no ports.",
  ],
  [
    "a group whose subnetwork is in another network",
    "POST",
    groups,
    { ...group("fresh"), subnetwork: linkTo(`${R}/subnetworks/blue`) },
    400,
    "invalid",
    `Invalid value for field 'resource.subnetwork': '${linkTo(`${R}/subnetworks/blue`)}'. It is not in the group's network.`,
  ],
  [
    "an endpoint that is no VM",
    "POST",
    `${groups}/ipr-x/attachNetworkEndpoints`,
    { networkEndpoints: [{ instance: "none" }] },
    404,
    "notFound",
    `The resource '${whole(instances)}/none' was not found`,
  ],
  [
    "an endpoint in another zone",
    "POST",
    `${groups}/ipr-x/attachNetworkEndpoints`,
    { networkEndpoints: [{ instance: linkTo(`${B}/instances/beta`) }] },
    400,
    "invalid",
    `Invalid value for field 'networkEndpoints[0].instance': '${linkTo(`${B}/instances/beta`)}'. The instance must be in ${A} of this project.`,
  ],
  [
    "an endpoint with a port",
    "POST",
    `${groups}/ipr-x/attachNetworkEndpoints`,
    { networkEndpoints: [{ instance: "alpha", port: 80 }] },
    400,
    "invalid",
    "Invalid value for field 'networkEndpoints[0].port': '80'. An endpoint of this group has no port.",
  ],
  [
    "the detachment of the leader",
    "POST",
    `${groups}/ipr-x/detachNetworkEndpoints`,
    { networkEndpoints: [{ instance: "alpha" }] },
    400,
    "resourceInUseByAnotherResource",
    `The resource '${whole(instances)}/alpha' is already being used by '${whole(services)}/ipr-x'`,
  ],
  [
    "the detachment of what is not attached",
    "POST",
    `${groups}/ipr-x/detachNetworkEndpoints`,
    { networkEndpoints: [{ instance: "gamma" }] },
    400,
    "invalid",
    "Invalid value for field 'networkEndpoints[0].instance': 'gamma'. It is not attached to the group.",
  ],
  [
    "the deletion of a group of a service",
    "DELETE",
    `${groups}/ipr-x`,
    undefined,
    400,
    "resourceInUseByAnotherResource",
    `The resource '${whole(groups)}/ipr-x' is already being used by '${whole(services)}/ipr-x'`,
  ],
])("refuses %s", (...row) => expectRefused(world, row));

const POLICY = "It can be set only when the backend service is created";
test.each<readonly [string, object, string]>([
  [
    "haPolicy taken away",
    { haPolicy: null },
    `Invalid value for field 'resource.haPolicy': 'null'. ${POLICY}, and not removed.`,
  ],
  [
    "another way of fast moves",
    { haPolicy: { fastIPMove: "GARP_RA" } },
    `Invalid value for field 'resource.haPolicy.fastIPMove': 'GARP_RA'. ${POLICY}.`,
  ],
  [
    "another scheme",
    { loadBalancingScheme: "INTERNAL" },
    "Invalid value for field 'resource.loadBalancingScheme': '\"INTERNAL\"'. It cannot be changed.",
  ],
  [
    "the leader's group taken away",
    { backends: [{ group: linkTo(`${B}/networkEndpointGroups/ipr-x`) }] },
    `Invalid value for field 'resource.haPolicy.leader.backendGroup': '${linkTo(`${groups}/ipr-x`)}'. It is no backend of this backend service.`,
  ],
])("refuses a PATCH with %s", async (_title, patch, message) => {
  const { fingerprint } = await world.get(`${services}/ipr-x`);
  const answer = await world.call("PATCH", `${services}/ipr-x`, { fingerprint, ...patch });
  expect(answer).toMatchObject({ status: 400, body: { error: { message } } });
});

test("a leader can be taken away, and then its endpoint can be detached", async () => {
  const world = await led();
  const { fingerprint } = await world.get(`${services}/ipr-x`);
  await world.done("PATCH", `${services}/ipr-x`, { fingerprint, haPolicy: { leader: null } });
  expect(world.cloud.delivery.deliver("203.0.113.7")).toBeUndefined();
  await world.done("POST", `${groups}/ipr-x/detachNetworkEndpoints`, { networkEndpoints: [{ instance: "alpha" }] });
  expect(await world.get(`${groups}/ipr-x`)).toMatchObject({ size: 0 });
});
