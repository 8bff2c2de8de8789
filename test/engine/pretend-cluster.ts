// What a cluster has beyond its control plane, as far as a deployment looks at it: a node whose kubelet says that every Pod
// runs, and GKE's controller that says of every route with its Gateway that it is Ready. No packet flows here; for
// that there is the lab.
import { KubeClient } from "../../lab/pulumi/kubernetes-plugin/client";
import { loadAccess } from "../../lab/pulumi/kubernetes-plugin/kubeconfig";
import type { Json, JsonObject } from "../../lab/pulumi/plugin/values";
import { at, textAt } from "../../lab/pulumi/plugin/values";

const NODE = "pretend";
const LOOK_EVERY_MS = 150;
const HEARTBEAT_MS = 10_000;

export interface PretendCluster {
  /** Fails if what it last tried did not work. */
  stop(): Promise<void>;
}

export async function pretendCluster(kubeconfig: string): Promise<PretendCluster> {
  const client = new KubeClient(loadAccess({ kubeconfig }));
  await client.call({ method: "POST", path: "/api/v1/nodes", body: node() });
  let stopped = false;
  let trouble: unknown;
  let beat = 0;
  const loop = (async () => {
    while (!stopped) {
      try {
        if (Date.now() - beat > HEARTBEAT_MS) {
          await heartbeat(client);
          beat = Date.now();
        }
        await Promise.all([kubelet(client), gke(client)]);
        trouble = undefined;
      } catch (error) {
        // Somebody else may have changed or removed it meanwhile; the next look tells.
        trouble = error;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await loop;
      if (trouble !== undefined) throw trouble;
    },
  };
}

function node(): JsonObject {
  const allocatable = { cpu: "64", memory: "256Gi", pods: "500" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: NODE, labels: { "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux" } },
    status: { allocatable, capacity: allocatable },
  };
}

async function heartbeat(client: KubeClient): Promise<void> {
  const time = new Date().toISOString();
  const conditions = [
    { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: time, lastTransitionTime: time },
  ];
  await patchStatus(client, `/api/v1/nodes/${NODE}`, { conditions });
  await client.call({
    method: "PATCH",
    path: `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${NODE}`,
    query: { fieldManager: "kubelet", force: "true" },
    contentType: "application/apply-patch+yaml",
    body: {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: NODE, namespace: "kube-node-lease" },
      spec: { holderIdentity: NODE, leaseDurationSeconds: 40, renewTime: time.replace("Z", "000Z") },
    },
  });
}

async function kubelet(client: KubeClient): Promise<void> {
  for (const pod of await list(client, "/api/v1/pods")) {
    const path = `/api/v1/namespaces/${textAt(pod, "metadata", "namespace")}/pods/${textAt(pod, "metadata", "name")}`;
    if (at(pod, "metadata", "deletionTimestamp") !== undefined) {
      await client.find({ method: "DELETE", path, query: { gracePeriodSeconds: "0" } });
    } else if (textAt(pod, "spec", "nodeName") === NODE && textAt(pod, "status", "phase") !== "Running") {
      await patchStatus(client, path, running(pod));
    }
  }
}

function running(pod: JsonObject): JsonObject {
  const time = new Date().toISOString();
  const types = ["Initialized", "ContainersReady", "Ready"];
  return {
    phase: "Running",
    podIP: "10.4.0.7",
    startTime: time,
    conditions: types.map((type) => ({ type, status: "True", lastTransitionTime: time })),
    containerStatuses: items(at(pod, "spec", "containers")).map((container) => ({
      name: textAt(container, "name"),
      image: textAt(container, "image"),
      imageID: "",
      ready: true,
      restartCount: 0,
      started: true,
      state: { running: { startedAt: time } },
    })),
  };
}

const ROUTES = "/apis/networking.gke.io/v1";
const GATEWAYS = "/apis/gateway.networking.k8s.io/v1beta1";

async function gke(client: KubeClient): Promise<void> {
  for (const route of await list(client, `${ROUTES}/gkeiproutes`)) {
    const generation = at(route, "metadata", "generation") ?? 0;
    if (items(at(route, "status", "conditions")).some((one) => at(one, "observedGeneration") === generation)) continue;
    if (!(await isListed(client, route))) continue;
    const time = new Date().toISOString();
    const types = ["Accepted", "GCPReady", "DPV2Ready", "Ready"];
    const [namespace, name] = [textAt(route, "metadata", "namespace"), textAt(route, "metadata", "name")];
    await patchStatus(client, `${ROUTES}/namespaces/${namespace}/gkeiproutes/${name}`, {
      conditions: types.map((type) => ({
        type,
        status: "True",
        reason: type === "Ready" ? "ProgrammingComplete" : type,
        message: "as far as this test goes",
        observedGeneration: generation,
        lastTransitionTime: time,
      })),
    });
  }
}

/** Whether the route's Gateway is there and lists each of its addresses. */
async function isListed(client: KubeClient, route: JsonObject): Promise<boolean> {
  const [parent] = items(at(route, "spec", "parentRefs"));
  const namespace = textAt(parent, "namespace") || textAt(route, "metadata", "namespace");
  const gateway = await client.find({ path: `${GATEWAYS}/namespaces/${namespace}/gateways/${textAt(parent, "name")}` });
  const listed = items(at(gateway, "spec", "addresses")).map((address) => textAt(address, "value"));
  return items(at(route, "spec", "addresses")).every((address) => listed.includes(textAt(address, "value")));
}

async function list(client: KubeClient, path: string): Promise<JsonObject[]> {
  return items(at(await client.find({ path }), "items"));
}

function items(value: Json | undefined): JsonObject[] {
  return (Array.isArray(value) ? value : []) as JsonObject[];
}

async function patchStatus(client: KubeClient, path: string, status: JsonObject): Promise<void> {
  const contentType = "application/merge-patch+json";
  await client.find({ method: "PATCH", path: `${path}/status`, contentType, body: { status } });
}
