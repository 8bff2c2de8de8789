// A StatefulSet's Pod on a machine that is gone, with Kubernetes' own controllers: they never replace it by themselves, and do when
// podpin has marked the node. Nobody runs Pods here; their node is an object whose kubelet has fallen silent.
import { readFileSync } from "node:fs";

import { addressBinding, gkeApi } from "../../lib/crds";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import { replaceLostPods } from "../../controller-image/src/controller/lost-pods";
import { Store } from "../../controller-image/src/controller/store";
import type { MachineState } from "../../controller-image/src/fabric/cloud";
import type { Kube } from "../../controller-image/src/kube/api";
import { systemClock } from "../../controller-image/src/kube/clock";
import { createKube } from "../../controller-image/src/kube/kube";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import type { ControlPlane } from "../../lab/cluster/control-plane";
import { loopbackControlPlane } from "../support/control-plane";
import { aRoute } from "../support/objects";

jest.setTimeout(180_000);

const labels = { app: "db" };
let cluster: ControlPlane;
let kube: Kube;
let store: Store;
let state: MachineState = "unknown";
let asked = 0;
let stop = (): void => undefined;

beforeAll(async () => {
  cluster = await loopbackControlPlane({ controllers: true });
  const config = kubeconfigOf(JSON.parse(readFileSync(cluster.kubeconfig, "utf8")));
  kube = createKube({ config, clock: systemClock, log: () => undefined, userAgent: "podpin-test/0" });
  await create({ apiVersion: "v1", kind: "List", items: [addressBinding, ...gkeApi] });
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  for (const name of ["gone", "other"]) await node(name, name === "other");
  const touched = { route: nothing, gone: nothing, gateway: nothing, gatewayClass: nothing, clusterRanges: nothing };
  store = new Store({ kube, clock: systemClock, touched, cloud: false, onSynced: nothing });
  const lostPods = replaceLostPods({
    kube,
    store,
    events: { record: nothing } as never,
    clock: systemClock,
    log: nothing,
    isActing: () => store.copies.nodes.synced && store.copies.pods.synced && store.copies.bindings.synced,
    machineState: () => {
      asked++;
      return Promise.resolve(state);
    },
  });
  stop = () => lostPods.stop();
}, 1_800_000);

afterAll(async () => {
  stop();
  store.stop();
  kube.close();
  await cluster.stop();
});

const nothing = (): void => undefined;
const create = (object: object): Promise<string> => cluster.kubectl(["create", "-f", "-"], JSON.stringify(object));
const pod = (): Promise<Pod | undefined> => kube.get<Pod>(RESOURCES.pods, { namespace: "default", name: "db-0" });

async function node(name: string, ready: boolean): Promise<void> {
  const spec = { providerID: `gce://my-project/us-central1-a/${name}`, taints: [] };
  await create({ apiVersion: "v1", kind: "Node", metadata: { name }, spec });
  const conditions = [{ type: "Ready", status: ready ? "True" : "Unknown", reason: "Test", message: "" }];
  await kube.mergePatch(RESOURCES.nodes, { name }, { status: { conditions } }, "status");
}

async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 200));
}

test("it is replaced once the machine is proved to be gone, and not before", async () => {
  const template = { metadata: { labels }, spec: { containers: [{ name: "db", image: "db" }], tolerations: [] } };
  const spec = { serviceName: "db", replicas: 1, selector: { matchLabels: labels }, template };
  await create({ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "db", namespace: "default" }, spec });
  await until(async () => (await pod()) !== undefined);
  // The scheduler finds room on neither node, as no kubelet has said that there is any.
  const binding = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: "db-0" },
    target: { kind: "Node", name: "gone" },
  };
  await cluster.kubectl(
    ["create", "--raw", "/api/v1/namespaces/default/pods/db-0/binding", "-f", "-"],
    JSON.stringify(binding),
  );
  const { metadata, spec: routed } = aRoute(
    { podSelector: { matchLabels: labels } },
    { namespace: "default", name: "db" },
  );
  const { name, namespace } = metadata;
  await kube.create(RESOURCES.gkeIpRoutes, { metadata: { name, namespace }, spec: routed } as GKEIPRoute);
  const first = (await pod())!.metadata.uid!;
  const address = "198.51.100.7";
  await create({
    apiVersion: "podpin.dev/v1alpha1",
    kind: "AddressBinding",
    metadata: { name: address },
    spec: {
      ...{ address, epoch: 1, nodeName: "gone", delivery: "nat", fabric: "gce", network: "default" },
      route: { namespace: "default", name: "db", uid: first },
      owner: { podName: "db-0", podUid: first, podIp: "10.8.1.5" },
    },
  });
  await until(() => asked >= 2);
  expect((await pod())?.metadata).toMatchObject({ uid: first });
  expect((await pod())?.metadata.deletionTimestamp).toBeUndefined();
  state = "gone";
  await until(async () => ![undefined, first].includes((await pod())?.metadata.uid));
  expect((await pod())?.spec?.nodeName).toBeUndefined();
});
