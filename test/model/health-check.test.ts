import { computeHealthCheckObject, type HealthCheckInput, planHealthCheck } from "../../lib/model/health-check";
import { Problems } from "../../lib/model/problems";

function plan(input: Partial<HealthCheckInput>) {
  const problems = new Problems();
  return {
    plan: planHealthCheck({ name: "amf", region: "us-central1", port: 8080, ...input }, problems),
    lines: problems.lines,
  };
}

test.each<[string, Partial<HealthCheckInput>, string[]]>([
  [
    "a name that leaves no room for its firewall rule",
    { name: "a".repeat(60), probeNetwork: "default", targetTags: ["edge"] },
    [
      `name: got "${"a".repeat(60)}"; a name in Compute Engine has 1 to 56 lower-case letters, digits and "-", starts with a letter and does not end with "-"`,
    ],
  ],
  [
    "no region",
    { region: undefined },
    ['region: got nothing; say in which region the addresses are, for example "us-central1", or pass cluster'],
  ],
  ["a zone", { region: "us-east5-b" }, ['region: got "us-east5-b"; that is a zone, use its region "us-east5"']],
  ["no port", { port: undefined as never }, ["port: got nothing; use a whole number from 1 to 65535"]],
  ["port 0", { port: 0 }, ["port: got 0; use a whole number from 1 to 65535"]],
  ["a protocol in small letters", { protocol: "http" as never }, ['protocol: got "http"; use "HTTP"']],
  ["an unknown protocol", { protocol: "gRPC" as never }, ['protocol: got "gRPC"; use "TCP", "HTTP" or "HTTPS"']],
  [
    "a path without HTTP",
    { requestPath: "/healthz" },
    ['requestPath: got "/healthz"; TCP has no paths: set protocol to "HTTP" or "HTTPS", or leave it out'],
  ],
  [
    "a path that does not begin at the root",
    { protocol: "HTTPS", requestPath: "healthz" },
    ['requestPath: got "healthz"; begin with "/", as in "/healthz"'],
  ],
  [
    "an interval that is none",
    { checkIntervalSeconds: 0 },
    ["checkIntervalSeconds: got 0; use a whole number of seconds from 1 to 300"],
  ],
  [
    "a time-out longer than the interval",
    { checkIntervalSeconds: 2, timeoutSeconds: 3 },
    ["timeoutSeconds: got 3; use a whole number of seconds from 1 to checkIntervalSeconds, which is 2"],
  ],
  [
    "thresholds that are none",
    { healthyThreshold: 0, unhealthyThreshold: 11 },
    [
      "healthyThreshold: got 0; use a whole number from 1 to 10",
      "unhealthyThreshold: got 11; use a whole number from 1 to 10",
    ],
  ],
  [
    "nodes without a rule to be for",
    { targetTags: ["edge"] },
    ['targetTags: got ["edge"]; it is for the firewall rule of the probes: set probeNetwork, or leave it out'],
  ],
  [
    "a rule for nobody and from nowhere",
    { probeNetwork: "", probeRanges: ["35.191.0.1/16"] },
    [
      'probeNetwork: got nothing; name the VPC network of the nodes\' interfaces that receive the packets, for example "default"',
      "targetTags: got nothing; say for which nodes: the network tags of their node pools, or targetServiceAccounts",
      'probeRanges[0]: got "35.191.0.1/16"; use a range, for example "35.191.0.0/16"',
    ],
  ],
])("says what is wrong with %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("probes TCP every 5 s unless told otherwise, without a firewall rule", () => {
  expect(plan({})).toEqual({
    plan: {
      name: "amf",
      region: "us-central1",
      fields: {
        checkIntervalSec: 5,
        timeoutSec: 5,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
        tcpHealthCheck: { port: 8080 },
      },
    },
    lines: [],
  });
});

test("never waits longer for an answer than until the next probe", () => {
  expect(plan({ checkIntervalSeconds: 1 }).plan.fields).toMatchObject({ checkIntervalSec: 1, timeoutSec: 1 });
});

test("asks for the root path of HTTP unless told otherwise", () => {
  expect(plan({ protocol: "HTTP" }).plan.fields.httpHealthCheck).toEqual({ port: 8080, requestPath: "/" });
  expect(plan({ protocol: "HTTPS", requestPath: "/healthz" }).plan.fields.httpsHealthCheck).toEqual({
    port: 8080,
    requestPath: "/healthz",
  });
});

test("lets probes in on the probed port only, where a network is named", () => {
  const { plan: made, lines } = plan({ probeNetwork: "default", targetTags: ["edge"] });
  expect(lines).toEqual([]);
  expect(made.firewall).toEqual({
    name: "amf-probes",
    allowed: [{ protocol: "tcp", ports: ["8080"] }],
    priority: 1000,
  });
});

test("writes a health check for Config Connector like this", () => {
  expect(computeHealthCheckObject(plan({}).plan, { namespace: "edge" })).toEqual({
    apiVersion: "compute.cnrm.cloud.google.com/v1beta1",
    kind: "ComputeHealthCheck",
    metadata: { name: "amf", namespace: "edge" },
    spec: {
      location: "us-central1",
      description: "Health of Pods behind persistent addresses",
      checkIntervalSec: 5,
      timeoutSec: 5,
      healthyThreshold: 2,
      unhealthyThreshold: 2,
      tcpHealthCheck: { port: 8080 },
    },
  });
});
