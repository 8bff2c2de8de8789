// What a person reads when the cloud refuses something.
import { ComputeError } from "../../../controller-image/src/fabric/gce/compute";
import { operationError, refusal } from "../../../controller-image/src/fabric/gce/answers";
import { problemOf } from "../../../controller-image/src/fabric/gce/explain";
import { failedOperation, passing, refused, scripted } from "./scripted";

const RULE = "POST regions/us-central1/forwardingRules";

/** As the client makes it of an answer. */
function answered(status: number, reason: string, message: string, call = RULE): ComputeError {
  return refusal(status, refused(status, reason, message).body, call);
}

function ended(status: number, code: string, message: string, call = RULE): ComputeError {
  return operationError(failedOperation(status, code, message).body as Record<string, unknown>, call)!;
}

const CASES: readonly (readonly [ComputeError, string, string])[] = [
  [
    answered(
      403,
      "forbidden",
      "Required 'compute.forwardingRules.create' permission for 'projects/p/regions/us-central1/forwardingRules/ipr-x'",
    ),
    "PermissionDenied",
    "The controller's service account lacks compute.forwardingRules.create on projects/p/regions/us-central1/forwardingRules/ipr-x; grant it, for example with the role that PersistentIpController declares.",
  ],
  [
    ended(
      403,
      "PERMISSIONS_ERROR",
      "Required 'compute.instances.use' permission for 'projects/p/zones/z/instances/vm'",
    ),
    "PermissionDenied",
    "The controller's service account lacks compute.instances.use on projects/p/zones/z/instances/vm; grant it, for example with the role that PersistentIpController declares.",
  ],
  [
    answered(
      403,
      "forbidden",
      "Constraint constraints/compute.restrictLoadBalancerCreationForTypes violated for projects/p.",
    ),
    "PermissionDenied",
    "Google Cloud refuses POST regions/us-central1/forwardingRules: Constraint constraints/compute.restrictLoadBalancerCreationForTypes violated for projects/p; look at the roles of the controller's service account and at the policies of the organization.",
  ],
  [
    answered(
      403,
      "accessNotConfigured",
      "Compute Engine API has not been used in project 123456 before or it is disabled. Enable it by visiting https://console.developers.google.com/ then retry.",
    ),
    "ApiDisabled",
    "The Compute Engine API is not enabled in project 123456; enable it: gcloud services enable compute.googleapis.com --project 123456",
  ],
  [
    answered(
      403,
      "quotaExceeded",
      "Quota 'EXTERNAL_NETWORK_LB_FORWARDING_RULES' exceeded.  Limit: 30.0 in region us-central1.",
    ),
    "QuotaExceeded",
    "The quota EXTERNAL_NETWORK_LB_FORWARDING_RULES of region us-central1 is used up (limit 30); ask for a higher one, or give up something that counts in it.",
  ],
  [
    ended(403, "QUOTA_EXCEEDED", "Quota 'NETWORK_ENDPOINT_GROUPS' exceeded.  Limit: 100.0 globally."),
    "QuotaExceeded",
    "The quota NETWORK_ENDPOINT_GROUPS is used up (limit 100); ask for a higher one, or give up something that counts in it.",
  ],
  [
    answered(403, "quotaExceeded", "Something is too much."),
    "QuotaExceeded",
    "A quota is used up: Something is too much; ask for a higher one.",
  ],
  [
    answered(403, "rateLimitExceeded", "Quota exceeded for quota group 'x'"),
    "RateLimited",
    "The project's calls to the Compute API are used up for this minute (POST regions/us-central1/forwardingRules); podpin goes on with the next one. If it stays so, look for what else calls the API in this project, or ask for a higher rate.",
  ],
  [
    answered(401, "authError", "Request had invalid authentication credentials."),
    "CredentialsRefused",
    "Google Cloud does not accept the controller's token (Request had invalid authentication credentials); look at its service account and at the binding of Workload Identity.",
  ],
  [
    answered(
      400,
      "invalid",
      "Invalid value for field 'resource.IPAddress': 'https://www.googleapis.com/compute/v1/projects/p/regions/r/addresses/edge'. Specified IP address is in-use and would result in a conflict.",
    ),
    "AddressInUse",
    "edge is in use by something else; release it there, or take it off the route.",
  ],
  [
    ended(
      409,
      "IP_IN_USE_BY_ANOTHER_RESOURCE",
      "IP '10.0.0.5' is already being used by another resource 'projects/p/zones/z/instances/db'.",
    ),
    "AddressInUse",
    "10.0.0.5 is in use by projects/p/zones/z/instances/db; release it there, or take it off the route.",
  ],
  [
    answered(
      400,
      "resourceInUseByAnotherResource",
      "The resource 'projects/p/regions/r/backendServices/s' is already being used by 'projects/p/regions/r/forwardingRules/f'",
    ),
    "ResourceInUse",
    "projects/p/regions/r/backendServices/s is still used by projects/p/regions/r/forwardingRules/f; podpin tries again until it is not. If nobody needs that, delete it.",
  ],
  [
    answered(400, "resourceNotReady", "The resource 'projects/p/regions/r/backendServices/s' is not ready"),
    "CloudSlow",
    "The resource 'projects/p/regions/r/backendServices/s' is not ready (POST regions/us-central1/forwardingRules); podpin tries again until the cloud has finished with it.",
  ],
  [
    ended(400, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "It is used."),
    "ResourceInUse",
    "Something is still in use: It is used; podpin tries again until it is not.",
  ],
  [
    answered(404, "notFound", "The resource 'projects/p/global/networks/blue' was not found"),
    "ResourceNotFound",
    "projects/p/global/networks/blue does not exist; make it, or correct what refers to it.",
  ],
  [
    answered(409, "alreadyExists", "ipr-x exists already and is another one: description differ"),
    "ResourceExists",
    "ipr-x exists already and is another one: description differ (POST regions/us-central1/forwardingRules); podpin leaves it alone. Delete it, if nobody needs it.",
  ],
  [
    answered(412, "conditionNotMet", "Invalid fingerprint.", "PATCH regions/r/backendServices/s"),
    "ChangedMeanwhile",
    "Somebody else has changed the same resource (PATCH regions/r/backendServices/s); podpin reads it and tries again.",
  ],
  [
    answered(
      503,
      "backendError",
      "Try again.",
      "POST zones/us-central1-b/networkEndpointGroups/g/attachNetworkEndpoints",
    ),
    "ZoneUnreachable",
    "Zone us-central1-b does not answer (503: Try again); what is there is not changed until it does.",
  ],
  [
    answered(503, "backendError", "Try again."),
    "CloudUnavailable",
    "The Compute API is not available (503: Try again); addresses go on leading where they lead, and podpin tries again.",
  ],
  [
    answered(400, "invalid", "Invalid value for field 'resource.protocol': 'X'. Must be one of TCP, UDP."),
    "RequestRefused",
    "Google Cloud refuses POST regions/us-central1/forwardingRules: Invalid value for field 'resource.protocol': 'X'. Must be one of TCP, UDP (400).",
  ],
  [
    new ComputeError("There are no credentials; do this.", 0, "noCredentials", "token"),
    "NoCredentials",
    "There are no credentials; do this.",
  ],
];

test.each(CASES.map(([error, reason, message]) => ({ error, reason, message })))("$reason: $message", (one) => {
  const { error, reason, message } = one;
  expect(problemOf(error)).toEqual({ reason, message });
});

test("an API that is away is said to be away, and what that means", async () => {
  const { compute, clock } = scripted([new Error("getaddrinfo EAI_AGAIN compute.googleapis.com")]);
  expect(problemOf(await passing(clock, compute.region("r")))).toEqual({
    reason: "CloudUnreachable",
    message:
      "The Compute API gives no answer (getaddrinfo EAI_AGAIN compute.googleapis.com); addresses go on leading where they lead. Look at the controller's way there: DNS, firewall, proxy, Private Google Access, googleCloudEndpoint.",
  });
});

test("a zone that a list leaves out is named", async () => {
  const { compute, clock } = scripted([{ status: 200, body: { unreachables: ["zones/us-central1-b"] } }]);
  expect(problemOf(await passing(clock, compute.listEverywhere("instances")))).toEqual({
    reason: "ZoneUnreachable",
    message:
      "The Compute API says that zones/us-central1-b could not be asked; what is there is not changed until it can.",
  });
});

test("an operation that takes too long is said to", async () => {
  const running = { status: 200, body: { name: "operation-1", status: "RUNNING" } };
  const { compute, clock } = scripted([running]);
  expect(problemOf(await passing(clock, compute.setTarget("r", "f", "t")))).toEqual({
    reason: "CloudSlow",
    message:
      "The cloud has not finished POST regions/r/forwardingRules/f/setTarget (operation operation-1 has not ended after 60 s); podpin looks again at what became of it.",
  });
});

test("what became of an operation that has vanished is not known", async () => {
  const running = { status: 200, body: { name: "operation-1", status: "RUNNING" } };
  const gone = refused(404, "notFound", "The resource 'projects/p/regions/r/operations/operation-1' was not found");
  const { compute, clock } = scripted([running, gone]);
  expect(problemOf(await passing(clock, compute.setTarget("r", "f", "t")))).toEqual({
    reason: "CloudSlow",
    message:
      "The cloud no longer says what became of POST regions/r/forwardingRules/f/setTarget (operation operation-1 is not there any more); podpin looks again.",
  });
});

test("anything else is passed on", () => {
  expect(problemOf(new Error("what?"))).toEqual({ reason: "CloudError", message: "what?" });
  expect(problemOf("what?")).toEqual({ reason: "CloudError", message: "what?" });
  const odd = new ComputeError("the answer is not an operation (DELETE x)", 0, "invalidAnswer", "DELETE x");
  expect(problemOf(odd)).toEqual({ reason: "CloudError", message: "the answer is not an operation (DELETE x)." });
});
