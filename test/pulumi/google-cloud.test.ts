// What stands around a pool in Google Cloud: firewall rules, health checks and prefixes of your own.
import * as pulumi from "@pulumi/pulumi";

import { ByoipPrefix, PersistentIpFirewall, PersistentIpHealthCheck, PersistentIpPool } from "../../lib/pulumi";
import { graphOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const later = <T>(value: T) => pulumi.output(Promise.resolve(value)) as pulumi.Output<T>;

test("no component makes a firewall rule by itself", async () => {
  const { registered } = await graphOf((opts) => {
    new PersistentIpPool("edge", { region: "us-central1" }, opts);
    new PersistentIpHealthCheck("amf", { region: "us-central1", port: 8080 }, opts);
  });
  expect(registered.filter(({ type }) => type.includes("irewall"))).toEqual([]);
});

test("a firewall lets clients reach exactly the addresses of its pool", async () => {
  const { registered, options } = await graphOf((opts) => {
    const pool = new PersistentIpPool("edge", { region: "us-central1", size: 2 }, opts);
    const sourceRanges = ["203.0.113.0/24", later("198.51.100.0/24")];
    const where = { network: later("core"), targetTags: ["edge-nodes", later("more-nodes")], project: "host-project" };
    const traffic = { protocols: ["tcp"], ports: ["443"] };
    new PersistentIpFirewall("edge-clients", { pool, sourceRanges, ...where, ...traffic }, opts);
  });
  expect(registered.at(-1)).toEqual({
    type: "gcp:compute/firewall:Firewall",
    name: "edge-clients",
    inputs: {
      name: "edge-clients",
      project: "host-project",
      description: "Clients of the persistent addresses of pool edge",
      network: "core",
      direction: "INGRESS",
      priority: 1000,
      sourceRanges: ["203.0.113.0/24", "198.51.100.0/24"],
      destinationRanges: ["203.0.113.100/32", "203.0.113.101/32"],
      allows: [{ protocol: "tcp", ports: ["443"] }],
      targetTags: ["edge-nodes", "more-nodes"],
    },
  });
  expect((options.at(-1)?.options.parent as { __name?: string } | undefined)?.__name).toBe("edge-clients");
});

test("a health check has the name that routes take, and a rule for its probes where one is asked for", async () => {
  let check!: PersistentIpHealthCheck;
  const { registered } = await graphOf((opts) => {
    const where = { region: later("us-central1"), probeNetwork: "core", targetTags: ["edge-nodes"] };
    check = new PersistentIpHealthCheck("amf", { ...where, port: 8080, protocol: "HTTP", requestPath: "/ok" }, opts);
  });
  expect(registered.slice(1).map(({ name, inputs }) => [name, inputs])).toEqual([
    [
      "amf",
      {
        name: "amf",
        region: "us-central1",
        description: "Health of Pods behind persistent addresses",
        checkIntervalSec: 5,
        timeoutSec: 5,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
        httpHealthCheck: { port: 8080, requestPath: "/ok" },
      },
    ],
    [
      "amf-probes",
      {
        name: "amf-probes",
        description: "Probes of Pods behind persistent addresses",
        network: "core",
        direction: "INGRESS",
        priority: 1000,
        sourceRanges: ["35.191.0.0/16", "130.211.0.0/22", "209.85.152.0/22", "209.85.204.0/22"],
        allows: [{ protocol: "tcp", ports: ["8080"] }],
        targetTags: ["edge-nodes"],
      },
    ],
  ]);
  expect(await valueOf(check.healthCheckName)).toBe("amf");
});

test("a prefix of your own is announced first and delegated later, protected", async () => {
  const announced = { advertisedRange: "203.0.113.0/24", dnsVerificationIp: later("203.0.113.1") };
  let first!: ByoipPrefix;
  const { registered, options } = await graphOf((opts) => {
    first = new ByoipPrefix("first", announced, opts);
    new ByoipPrefix("both", { ...announced, delegatedRange: later("203.0.113.16/28"), region: "us-central1" }, opts);
  });
  expect(registered.map(({ type, name, inputs }) => [type.split(":").at(-1), name, inputs])).toEqual([
    ["ByoipPrefix", "first", expect.anything()],
    [
      "PublicAdvertisedPrefix",
      "first",
      {
        name: "first",
        ipCidrRange: "203.0.113.0/24",
        dnsVerificationIp: "203.0.113.1",
        pdpScope: "REGIONAL",
      },
    ],
    ["ByoipPrefix", "both", expect.anything()],
    ["PublicAdvertisedPrefix", "both", expect.anything()],
    [
      "PublicDelegatedPrefix",
      "both",
      { name: "both", region: "us-central1", ipCidrRange: "203.0.113.16/28", parentPrefix: "both-id" },
    ],
  ]);
  expect(options.filter(({ type }) => type.startsWith("gcp:")).map((one) => one.options.protect)).toEqual([
    true,
    true,
    true,
  ]);
  expect(await valueOf(first.ipCollection)).toBe("");
});

test("refuses everything that is wrong with a firewall, at once", () => {
  const pool = PersistentIpPool.fromAddresses("edge", { addresses: ["198.51.100.7"] });
  expect(() => new PersistentIpFirewall("Edge", { pool, network: "core", sourceRanges: ["::/0"] })).toThrow(
    'PersistentIpFirewall "Edge" is not valid:\n' +
      '  - name: got "Edge"; a name in Compute Engine has 1 to 63 lower-case letters, digits and "-", starts with a letter and does not end with "-"\n' +
      "  - targetTags: got nothing; say for which nodes: the network tags of their node pools, or targetServiceAccounts\n" +
      '  - sourceRanges[0]: got "::/0"; use an IPv4 range whose host bits are zero, as in "203.0.113.0/24"',
  );
});
