// A program of its own, run by late-values.test.ts: a failed output rejects everything that hangs on it, which ends a
// Pulumi program and would end a test. Prints what each case is told as one JSON object.
import * as pulumi from "@pulumi/pulumi";

import { LATER } from "../../lib/model/later";
import {
  ByoipPrefix,
  type PersistentIpCluster,
  PersistentIpController,
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
  PodNetwork,
  type StatefulSetResource,
  type StatefulSetSpec,
} from "../../lib/pulumi";
import { useMocks } from "./graph";
import { tellAll } from "./told";

useMocks({ preview: false });

const later = <T>(value: T): pulumi.Output<T> => pulumi.output(Promise.resolve(value)) as pulumi.Output<T>;

const statefulSet = (spec: StatefulSetSpec, namespace = "default"): StatefulSetResource => ({
  metadata: later({ name: "db", namespace }),
  spec: later(spec),
});

const pool = () => PersistentIpPool.fromAddresses("n2", { addresses: ["198.51.100.7", "198.51.100.8"] });
const pin = (name: string, args: object) =>
  new PinnedPodRoute(name, { pool: pool(), statefulSet: "db", ordinal: 2, ...args });
const set = (name: string, spec: StatefulSetSpec) =>
  new PinnedStatefulSet(name, { pool: pool(), statefulSet: statefulSet(spec) });
const pooled = (name: string, addresses: pulumi.Input<string>[]) => PersistentIpPool.fromAddresses(name, { addresses });

function dataplaneV2Cluster(): PersistentIpCluster {
  const facts = { name: "core", dataplaneV2: LATER, podCidr: "10.8.0.0/14", serviceCidr: "10.4.0.0/20" };
  return { facts, settled: later({ ...facts, dataplaneV2: true }) } as unknown as PersistentIpCluster;
}

function lateCluster(): PersistentIpCluster {
  const facts = { name: "core", region: LATER, dataplaneV2: LATER };
  const settled = later({ name: "core", region: "us-central1", dataplaneV2: false, version: "1.33" });
  return { facts, settled } as unknown as PersistentIpCluster;
}

const ANNOUNCED = { advertisedRange: "203.0.113.0/24", dnsVerificationIp: "203.0.113.1" };

// The key is the name of the component: what one case rejects late must not be taken for the answer to the next.
const cases: Record<string, (name: string) => pulumi.Output<unknown>> = {
  "no-address": (name) => pooled(name, ["198.51.100.7", later("2001:db8::1")]).addresses[1]!,
  "same-address": (name) => pooled(name, [later("198.51.100.7"), later("198.51.100.7/32")]).addresses[0]!,
  "late-zone": (name) => new PersistentIpPool(name, { region: later("us-central1-a") }).addresses[0]!,
  "late-range": (name) =>
    new PersistentIpPool(name, {
      region: "us-central1",
      addressType: "INTERNAL",
      subnetwork: later("regions/us-central1/subnetworks/nodes"),
      subnetworkRange: later("10.0.0.0/20"),
      addresses: ["10.0.16.5"],
    }).reserved[0]!.subnetwork,
  "late-cluster-region": (name) =>
    new PersistentIpPool(name, { region: "europe-west1", cluster: lateCluster() }).reserved[0]!.region,
  "late-dataplane": (name) =>
    PersistentIpPool.fromAddresses(name, { addresses: ["198.51.100.7"], cluster: lateCluster() }).gateways[0]!.kind,
  "late-prefix": (name) =>
    new PersistentIpPool(name, {
      region: "us-central1",
      ipCollection: new ByoipPrefix(`${name}-byoip`, ANNOUNCED).ipCollection,
    }).addresses[0]!,
  "late-type": (name) =>
    PersistentIpPool.fromAddresses(name, {
      addresses: [{ address: later("198.51.100.7"), addressType: later("INTERNAL") }],
    }).addresses[0]!,
  "foreign-address": (name) => pin(name, { addresses: [later("203.0.113.9")] }).addresses[0]!,
  "few-replicas": (name) => pin(name, { statefulSet: statefulSet({ replicas: 2 }) }).routes[0]!.kind,
  "closed-namespace": (name) => pin(name, { statefulSet: statefulSet({}, "data") }).routes[0]!.kind,
  "wrong-cluster": (name) =>
    new PersistentIpController(name, { image: "podpin", cluster: dataplaneV2Cluster() }).deployment.kind,
  "more-pods": (name) => set(name, { replicas: 3 }).routes[0]!.kind,
  "fewer-pods": (name) => set(name, { replicas: 1 }).routes[0]!.kind,
  "no-probe": (name) => set(name, { replicas: 2, template: { spec: { containers: [{}] } } }).routes[0]!.kind,
  "no-interface": (name) => {
    const spec = {
      selector: { matchLabels: { app: "db" } },
      template: { spec: { containers: [{ readinessProbe: {} }] } },
    };
    const deployment = { metadata: later({ name: "db", namespace: "default" }), spec: later(spec) };
    return new PinnedDeployment(name, { pool: pool(), deployment, network: "blue" }).routes[0]!.kind;
  },
  "no-attachment": (name) => new PodNetwork(name, { networkAttachment: later("blue") }).paramSet.kind,
  "no-image": (name) => new PersistentIpController(name, { image: later("podpin latest") }).deployment.kind,
};

void tellAll(cases);
