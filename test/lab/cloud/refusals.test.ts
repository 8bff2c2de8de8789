// What addresses, target instances and firewalls are refused for, and what every call is.
import {
  A,
  B,
  R,
  addresses,
  crowded,
  expectRefused,
  instances,
  linkTo,
  rule,
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
const spare = (more: object): object => rule("fresh", { IPAddress: "203.0.113.9", ...more });

test.each<RefusedCall>([
  // Addresses, target instances, firewalls
  [
    "the deletion of an address with a rule",
    "DELETE",
    `${addresses}/web`,
    undefined,
    400,
    "resourceInUseByAnotherResource",
    `The resource '${whole(addresses)}/web' is already being used by '${whole(rules)}/ipr-x-1'`,
  ],
  [
    "an address that is reserved already",
    "POST",
    addresses,
    { name: "fresh", address: "203.0.113.9" },
    400,
    "resourceInUseByAnotherResource",
    `The resource '203.0.113.9' is already being used by '${whole(addresses)}/spare'`,
  ],
  [
    "an internal address that a VM has",
    "POST",
    addresses,
    {
      name: "fresh",
      addressType: "INTERNAL",
      subnetwork: linkTo(`${R}/subnetworks/blue`),
      address: "10.9.0.20",
    },
    400,
    "resourceInUseByAnotherResource",
    `The resource '10.9.0.20' is already being used by '${whole(instances)}/gamma'`,
  ],
  [
    "a target instance for a network that its VM is not in",
    "POST",
    `${B}/targetInstances`,
    { name: "fresh", instance: linkTo(`${B}/instances/beta`), network: linkTo("global/networks/blue") },
    400,
    "invalid",
    `Invalid value for field 'resource.network': '${linkTo("global/networks/blue")}'. The instance has no interface in it.`,
  ],
  [
    "a firewall that allows nothing and denies nothing",
    "POST",
    "global/firewalls",
    { name: "fresh" },
    400,
    "required",
    "Required field 'resource.allowed' not specified",
  ],
  [
    "a firewall for tags and accounts",
    "POST",
    "global/firewalls",
    { name: "fresh", allowed: [{ IPProtocol: "all" }], targetTags: ["node"], targetServiceAccounts: ["a@b"] },
    400,
    "invalid",
    "Invalid value for field 'resource.targetTags': 'node'. It cannot be specified with targetServiceAccounts.",
  ],
  // Everything
  [
    "a name that is none",
    "POST",
    services,
    fresh({ name: "Fresh_1" }),
    400,
    "invalid",
    "Invalid value for field 'resource.name': 'Fresh_1'. Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?'",
  ],
  [
    "an unknown field",
    "POST",
    rules,
    spare({ ipAddress: "203.0.113.9" }),
    400,
    "invalid",
    "Invalid JSON payload received. ipAddress: unknown field",
  ],
  [
    "a value that is not of an enum",
    "POST",
    services,
    fresh({ loadBalancingScheme: "OUTSIDE" }),
    400,
    "invalid",
    'Invalid JSON payload received. loadBalancingScheme: got "OUTSIDE", want one of EXTERNAL, EXTERNAL_MANAGED, INTERNAL, INTERNAL_MANAGED, INTERNAL_SELF_MANAGED, INVALID_LOAD_BALANCING_SCHEME',
  ],
  [
    "the deletion of what is not there",
    "DELETE",
    `${rules}/none`,
    undefined,
    404,
    "notFound",
    `The resource '${whole(rules)}/none' was not found`,
  ],
  [
    "an unknown region",
    "GET",
    "regions/mars/addresses",
    undefined,
    400,
    "invalid",
    "Invalid value for field 'region': 'mars'. Unknown region.",
  ],
  [
    "a path that is none",
    "GET",
    "regions/us-central1/adresses",
    undefined,
    404,
    "notFound",
    "The API has no GET /compute/v1/projects/demo/regions/us-central1/adresses.",
  ],
  [
    "an unknown parameter",
    "GET",
    `${rules}?pagesize=3`,
    undefined,
    400,
    "invalid",
    "Invalid value for field 'pagesize': '3'. The call forwardingRules.list has no such parameter.",
  ],
  [
    "a call that the stand-in does not know",
    "POST",
    `${instances}/alpha/reset`,
    undefined,
    501,
    "notImplemented",
    "The stand-in does not know instances.reset.",
  ],
])("refuses %s", (...row) => expectRefused(world, row));
