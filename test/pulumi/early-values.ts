// A program of its own, run by early-values.test.ts: previews of workloads whose Pod template has values still to come.
import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";

import {
  type PersistentIpCluster,
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
  podSetup,
} from "../../lib/pulumi";
import { Address, useMocks } from "./graph";
import { tellAll } from "./told";

useMocks({ preview: true });

const labels = { app: "db" };
const probe = { tcpSocket: { port: 5432 } };
let made = 0;

/** Two addresses that are still to be reserved. */
const pool = () => {
  const addresses = [1, 2].map((last) => new Address(`address-${made++}`, `203.0.113.${last}`));
  return PersistentIpPool.fromAddresses(`n${made++}`, { addresses, allowedNamespaces: "Same" });
};

interface Differences {
  readonly replicas?: number;
  readonly start?: number;
  readonly namespace?: pulumi.Input<string>;
  readonly annotations?: Record<string, pulumi.Input<string>>;
  readonly spec?: object;
}

/** A template with addresses in it that no preview knows. */
function templateOf(
  of: PersistentIpPool,
  { annotations, spec }: Differences,
  addresses?: pulumi.Output<string>[],
): object {
  const { initContainers, securityContext } = podSetup({ pool: of, addresses, image: "registry.example.com/podpin:1" });
  const containers = [{ name: "db", image: "registry.example.com/db:1", readinessProbe: probe }];
  return { metadata: { labels, annotations }, spec: { initContainers, securityContext, containers, ...spec } };
}

function statefulSet(of: PersistentIpPool, differences: Differences): StatefulSet {
  const { replicas = 2, start = 0, namespace = "default" } = differences;
  return new StatefulSet(`db-${made++}`, {
    metadata: { name: "db", namespace },
    spec: {
      replicas,
      serviceName: "db",
      selector: { matchLabels: labels },
      ordinals: { start },
      template: templateOf(of, differences) as never,
    },
  });
}

const set = (name: string, differences: Differences, args: object = {}) => {
  const of = pool();
  return new PinnedStatefulSet(name, { pool: of, statefulSet: statefulSet(of, differences), ...args }).routes[0]!.kind;
};

const deployed = (name: string, differences: Differences, selector: object = { matchLabels: labels }, args = {}) => {
  const of = pool();
  const deployment = new Deployment(`db-${made++}`, {
    metadata: { name: "db", namespace: differences.namespace ?? "default" },
    spec: { selector: selector as never, template: templateOf(of, differences, of.addresses) as never },
  });
  return new PinnedDeployment(name, { pool: of, deployment, ...args }).routes[0]!;
};

/** A value that no preview knows. */
const unknown = (): pulumi.Output<string> => new Address(`address-${made++}`, "data").address;

const known = (output: pulumi.Output<unknown>): pulumi.Output<boolean> =>
  pulumi.output((output as unknown as { isKnown: Promise<boolean> }).isKnown);

const specOf = (route: unknown) =>
  (route as { readonly spec: pulumi.Output<{ podSelector: object; reactionMode: string }> }).spec;

const without = { spec: { containers: [{ name: "db", image: "registry.example.com/db:1" }] } };

/** A cluster that is to be made: nothing is known of it but its place. */
const cluster = (): PersistentIpCluster => {
  const facts = { name: "core", region: "us-central1", dataplaneV2: true };
  return { facts, settled: unknown().apply(() => facts) } as unknown as PersistentIpCluster;
};

void tellAll({
  "adopted-elsewhere": (name) => {
    const addresses = [{ address: unknown(), region: pulumi.output("europe-west1") }];
    return PersistentIpPool.fromAddresses(name, { addresses, cluster: cluster() }).gateways[0]!.kind;
  },
  "adopted-of-the-other-type": (name) => {
    const addresses = [{ address: unknown(), addressType: pulumi.output("INTERNAL") }];
    return PersistentIpPool.fromAddresses(name, { addresses }).gateways[0]!.kind;
  },
  "adopted-nearby": (name) => {
    const addresses = [{ address: unknown(), region: pulumi.output("us-central1"), addressType: unknown() }];
    return PersistentIpPool.fromAddresses(name, { addresses, cluster: cluster() }).gateways[0]!.kind;
  },
  "more-pods": (name) => set(name, { replicas: 3 }),
  "fewer-pods": (name) => set(name, { replicas: 1 }),
  "another-start": (name) => set(name, { start: 5 }),
  "closed-namespace": (name) => set(name, { namespace: "data" }),
  "no-probe": (name) => set(name, without),
  "late-probe": (name) => set(name, { spec: { containers: [{ name: "db", readinessProbe: unknown() }] } }),
  "probe-with-a-late-port": (name) =>
    set(name, { spec: { containers: [{ name: "db", readinessProbe: { tcpSocket: { port: unknown() } } }] } }),
  "late-annotation": (name) =>
    set(name, { annotations: { "networking.gke.io/interfaces": unknown() } }, { network: "blue" }),
  "no-interface": (name) => set(name, {}, { network: "blue" }),
  "no-such-pod": (name) => {
    const of = pool();
    const args = { pool: of, statefulSet: statefulSet(of, { replicas: 1 }), ordinal: 1 };
    return new PinnedPodRoute(name, { ...args, addresses: [of.addresses[1]!] }).routes[0]!.kind;
  },
  "empty-selector": (name) => deployed(name, {}, { matchLabels: {} }).kind,
  "wrong-labels": (name) => deployed(name, {}, undefined, { podSelector: { app: "web" } }).kind,
  "deployment-without-probe": (name) => deployed(name, without).kind,
  "known-selector": (name) => known(specOf(deployed(name, {})).podSelector),
  "late-namespace": (name) => {
    const of = PersistentIpPool.fromAddresses(`n${made++}`, { addresses: ["203.0.113.7"], allowedNamespaces: "All" });
    const route = new PinnedPodRoute(name, {
      pool: of,
      statefulSet: statefulSet(of, { namespace: unknown() }),
      ordinal: 0,
    });
    return known((route.routes[0] as unknown as { metadata: pulumi.Output<{ namespace: string }> }).metadata.namespace);
  },
  "late-label": (name) => {
    const spec = specOf(deployed(name, {}, { matchLabels: { app: unknown() } }));
    return pulumi.all([known(spec.podSelector), spec.reactionMode]);
  },
});
