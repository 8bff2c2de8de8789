// What no component can see alone: two of them in one program that declare the same. Both flavours say it in one text.
import { App, Chart } from "cdk8s";
import * as kubernetes from "@pulumi/kubernetes/provider";
import * as pulumiSdk from "@pulumi/pulumi";

import * as cdk8s from "../../lib/cdk8s";
import * as pulumi from "../../lib/pulumi";
import { useMocks } from "./graph";

useMocks({ preview: false });

type Args = Record<string, unknown>;

/** The components of one flavour; `cluster` counts from 0. */
interface Flavour {
  pool(name: string, args: Args, cluster?: number): unknown;
  network(name: string, args: Args, cluster?: number): unknown;
  controller(name: string, cluster?: number): unknown;
  route(name: string, args: Args): unknown;
  statefulSet(name: string, args: Args): unknown;
}
type Program = (make: Flavour) => void;

const image = "registry.example.com/podpin:0.1.0";

function inCdk8s(program: Program): void {
  const app = new App();
  const charts = [new Chart(app, "core"), new Chart(app, "other")];
  const on = (cluster = 0) => charts[cluster]!;
  const route = { namespace: "default" };
  program({
    pool: (name, args, cluster) => cdk8s.PersistentIpPool.fromAddresses(on(cluster), name, args as never),
    network: (name, args, cluster) => new cdk8s.PodNetwork(on(cluster), name, args),
    controller: (name, cluster) => new cdk8s.PersistentIpController(on(cluster), name, { image }),
    route: (name, args) => new cdk8s.PinnedPodRoute(on(), name, { ...route, ...args } as never),
    statefulSet: (name, args) => new cdk8s.PinnedStatefulSet(on(), name, args as never),
  });
}

/** As the engine runs it: below a stack. */
async function inPulumi(program: Program): Promise<void> {
  let failure: unknown;
  await pulumiSdk.runtime.runInPulumiStack(async () => {
    const other = new kubernetes.Provider("other", {});
    const on = (cluster = 0) => (cluster === 0 ? {} : { provider: other });
    try {
      program({
        pool: (name, args, cluster) => pulumi.PersistentIpPool.fromAddresses(name, args as never, on(cluster)),
        network: (name, args, cluster) => new pulumi.PodNetwork(name, args, on(cluster)),
        controller: (name, cluster) => new pulumi.PersistentIpController(name, { image }, on(cluster)),
        route: (name, args) => new pulumi.PinnedPodRoute(name, args as never),
        statefulSet: (name, args) => new pulumi.PinnedStatefulSet(name, args as never),
      });
    } catch (error) {
      failure = error;
    }
  });
  if (failure !== undefined) throw failure;
}

const many = Array.from({ length: 17 }, (_, index) => `203.0.113.${index + 1}`);
const card = { type: "Device", deviceMode: "NetDevice", vpc: "cards", subnetwork: "cards-us" };
const layer3 = { vpc: "blue", subnetwork: "blue-us", secondaryRanges: ["pods"] };

const wrong: readonly (readonly [string, Program, string])[] = [
  [
    "one address in two pools",
    (make) => {
      make.pool("edge", { addresses: ["198.51.100.7"] });
      make.pool("proxies", { addresses: ["198.51.100.8", "198.51.100.7/32"], namespace: "web" });
    },
    `PersistentIpPool "proxies" is not valid:
  - addresses[1]: got "198.51.100.7"; PersistentIpPool "edge" lists it already, and an address is in one pool: remove it from one of the two; allowedNamespaces of a pool lets other namespaces use it`,
  ],
  [
    "one address of the internet in pools of two clusters",
    (make) => {
      make.pool("edge", { addresses: ["198.51.100.7"] });
      make.pool("proxies", { addresses: ["198.51.100.7"] }, 1);
    },
    `PersistentIpPool "proxies" is not valid:
  - addresses[0]: got "198.51.100.7"; PersistentIpPool "edge" lists it already, and an address is in one pool: remove it from one of the two; allowedNamespaces of a pool lets other namespaces use it`,
  ],
  [
    "a pool that is called as a later Gateway of another one",
    (make) => {
      make.pool("edge", { addresses: many });
      make.pool("edge-2", { addresses: ["198.51.100.7"] });
    },
    `PersistentIpPool "edge-2" is not valid:
  - name: got "edge-2"; PersistentIpPool "edge" declares the Gateway of that name in namespace "default" already: rename one of the two`,
  ],
  [
    "a route that is called as that of a Pod of a StatefulSet",
    (make) => {
      const pool = make.pool("edge", { addresses: many.slice(0, 3) });
      make.route("db-0", { pool, addresses: many.slice(2, 3), podSelector: { app: "proxy" } });
      make.statefulSet("db", { pool, statefulSet: "db", replicas: 2 });
    },
    `PinnedStatefulSet "db" is not valid:
  - name: got "db-0"; PinnedPodRoute "db-0" declares the GKEIPRoute of that name in namespace "default" already: rename one of the two`,
  ],
  [
    "a pool of Google Cloud with a controller that has no access there",
    (make) => {
      const controller = make.controller("podpin");
      make.pool("edge", { addresses: ["198.51.100.7"], controller });
    },
    `PersistentIpPool "edge" is not valid:
  - gatewayClassName: got nothing; without it the class is "podpin-regional-external", which needs Google Cloud, and the controller has no access to it: set googleCloudProject on the PersistentIpController, or use another class, for example "podpin-l2"`,
  ],
  [
    "two controllers on one cluster",
    (make) => {
      make.controller("podpin");
      make.controller("another");
    },
    `PersistentIpController "another" is not valid:
  - name: got "another"; PersistentIpController "podpin" is on this cluster already, and one serves all of it: leave one of the two out`,
  ],
  [
    "two Device networks on one subnetwork",
    (make) => {
      make.network("fast", card);
      make.network("faster", { ...card, subnetwork: "projects/p/regions/us-central1/subnetworks/cards-us" });
    },
    `PodNetwork "faster" is not valid:
  - subnetwork: got "projects/p/regions/us-central1/subnetworks/cards-us"; PodNetwork "fast" is on it already, and a Device network has its subnetwork to itself (DeviceModeSubnetAlreadyInUse): use another one for one of the two`,
  ],
  [
    "a Device network on the subnetwork of another network",
    (make) => {
      make.network("blue-network", layer3);
      make.network("fast", { ...card, subnetwork: "blue-us" });
    },
    `PodNetwork "fast" is not valid:
  - subnetwork: got "blue-us"; PodNetwork "blue-network" is on it already, and a Device network has its subnetwork to itself (DeviceModeSubnetAlreadyInUse): use another one for one of the two`,
  ],
  [
    "two networks with one secondary range",
    (make) => {
      make.network("blue-network", layer3);
      make.network("red-network", { ...layer3, secondaryRanges: ["more", "pods"] });
    },
    `PodNetwork "red-network" is not valid:
  - secondaryRanges[1]: got "pods"; PodNetwork "blue-network" has it already, and the Pod ranges of a cluster must not overlap: name another range of the subnetwork`,
  ],
  [
    "a network that its cluster's pool cannot use",
    (make) => {
      const network = make.network("fast", card);
      const pool = make.pool("edge", { addresses: ["10.0.0.7"], addressType: "INTERNAL", mode: "fast-failover" });
      make.route("proxy", { pool, podSelector: { app: "proxy" }, nodeSelector: { pool: "edge" }, network });
      const blue = make.network("blue-network", layer3);
      const other = make.pool("other", { addresses: ["10.0.0.8"], addressType: "INTERNAL", mode: "fast-failover" });
      make.route("late", { pool: other, podSelector: { app: "x" }, nodeSelector: { pool: "edge" }, network: blue });
    },
    `PinnedPodRoute "late" is not valid:
  - network: got "blue-network"; class "gke-persistent-fast-regional-internal-managed" is for networks of type Device: pass a PodNetwork of that type`,
  ],
];

const right: readonly (readonly [string, Program])[] = [
  [
    "one private address on two clusters",
    (make) => {
      make.pool("edge", { addresses: ["10.0.0.7"], addressType: "INTERNAL" });
      make.pool("other", { addresses: ["10.0.0.7"], addressType: "INTERNAL" }, 1);
    },
  ],
  [
    "one subnetwork and one range on two clusters",
    (make) => {
      make.network("fast", card);
      make.network("blue-network", layer3);
      make.network("also-fast", card, 1);
      make.network("red-network", layer3, 1);
    },
  ],
  [
    "two networks on one subnetwork, each with its own range",
    (make) => {
      make.network("blue-network", layer3);
      make.network("red-network", { ...layer3, secondaryRanges: ["more"] });
    },
  ],
  [
    "a controller on each of two clusters",
    (make) => {
      make.controller("podpin");
      make.controller("podpin-other", 1);
    },
  ],
];

test.each(wrong)("CDK8s finds %s", (_, program, message) => {
  expect(() => inCdk8s(program)).toThrow(new Error(message));
});

test.each(right)("CDK8s takes %s", (_, program) => {
  expect(() => inCdk8s(program)).not.toThrow();
});

test.each(wrong)("Pulumi finds %s", async (_, program, message) => {
  await expect(inPulumi(program)).rejects.toThrow(new Error(message));
});

test.each(right)("Pulumi takes %s", async (_, program) => {
  await expect(inPulumi(program)).resolves.toBeUndefined();
});

const adopted: Program = (make) => {
  const edge = make.pool("edge", { addresses: ["198.51.100.7", "198.51.100.8"] }) as { addresses: unknown[] };
  make.pool("proxies", { addresses: edge.addresses.slice(1), namespace: "web" });
};
const adoptedMessage = (shown: string) => `PersistentIpPool "proxies" is not valid:
  - addresses[0]: got "${shown}"; PersistentIpPool "edge" lists it already, and an address is in one pool: remove it from one of the two; allowedNamespaces of a pool lets other namespaces use it`;

test("an entry of another pool is recognised, in Pulumi before its value is known", async () => {
  expect(() => inCdk8s(adopted)).toThrow(new Error(adoptedMessage("198.51.100.8")));
  await expect(inPulumi(adopted)).rejects.toThrow(new Error(adoptedMessage("a value that is not known yet")));
});
