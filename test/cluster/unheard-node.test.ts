// A node of which Kubernetes hears nothing and podpin does: its addresses stay where they are. Real kubelets, Kubernetes' own
// controllers, the packaged controller and agents, and packets that are counted outside.
import { App, Chart, Testing } from "cdk8s";
import { installGatewayApi, type Lab, startLab } from "../../lab/cluster/lab";
import type { LabNode } from "../../lab/cluster/node";
import { API_SERVER_ADDRESS, API_SERVER_PORT } from "../../lab/cluster/plan";
import { startProbe } from "../../lab/cluster/probe";
import { labOptions } from "../../lab/start";
import { Cluster } from "../../lab/steps/cluster";
import { counted } from "../../lab/steps/traffic";
import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/cdk8s";
import type { KubeObject, Pod } from "../../lib/model/kubernetes";
import { CONTROLLER, CONTROLLER_HEALTH_PORT, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { preparedLab } from "../support/own-lab";

jest.setTimeout(600_000);

const ADDRESS = "198.51.100.60";
const NAMESPACE = "unheard";
const ROUTE = "kept";
const LABELS = { app: "kept" };
/** The older Pod, and the one that has the address. */
const [OLDER, NEWER] = ["older", "newer"];
/** It comes while the node of the newer Pod is cut off from the API server. */
const NEWEST = "newest";
const CONTROLLERS = "app.kubernetes.io/component=controller";
const PATIENCE_MS = 120_000;

let lab: Lab;
let cluster: Cluster;
/** Where the newer Pod is, and no controller. */
let node: LabNode;
let helloAppImage: string;

beforeAll(async () => {
  const prepared = await preparedLab();
  const { podpinImage } = prepared.images;
  ({ helloAppImage } = prepared.images);
  const options = labOptions(prepared);
  lab = await startLab(options);
  await installGatewayApi(lab, options.parts);
  cluster = new Cluster(lab);
  const [node1, , node3] = lab.nodes as [LabNode, LabNode, LabNode];
  node = node3;
  await cluster.kubectl("taint", "nodes", node.name, "example.com/no-controllers:NoSchedule");
  await cluster.kubectl("create", "namespace", NAMESPACE);
  await startPod(OLDER, node1, helloAppImage);
  // The route's kind is there once the controller has filled it in; until then only the route is refused.
  await cluster.until("podpin is applied", () =>
    lab.kubectl(["apply", "--server-side", "-f", "-"], podpin(podpinImage)).then(() => true),
  );
  for (const workload of [`deployment/${CONTROLLER}`, "daemonset/podpin-agent"]) {
    await cluster.kubectl("rollout", "status", "-n", PODPIN_NAMESPACE, workload, "--timeout=120s");
  }
  await startPod(NEWER, node, helloAppImage);
  await cluster.readyRoute(NAMESPACE, ROUTE, ({ metadata }) => metadata.name === NEWER);
  await cluster.until(
    "both controllers hear every node",
    async () => {
      const texts = await Promise.all((await controllers()).map(metricsOf));
      return texts.length === 2 && texts.every(hearsAll) ? true : undefined;
    },
    PATIENCE_MS,
  );
  // Building the parts, where nobody has done it yet, takes longer than any test.
}, 1_800_000);

afterAll(() => lab?.stop());

function podpin(image: string): string {
  const chart = new Chart(new App(), "chart");
  const controller = new PersistentIpController(chart, "podpin", { image, gkeClassFabric: "l2" });
  const pool = PersistentIpPool.fromAddresses(chart, "pool", {
    addresses: [ADDRESS],
    controller,
    namespace: NAMESPACE,
    gatewayClassName: "podpin-l2",
  });
  new PinnedPodRoute(chart, ROUTE, { pool, addresses: [ADDRESS], namespace: NAMESPACE, podSelector: LABELS });
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: Testing.synth(chart) as unknown[] });
}

async function startPod(name: string, { name: nodeName }: LabNode, image: string): Promise<void> {
  const metadata = { name, namespace: NAMESPACE, labels: LABELS };
  // A kubelet that comes back knows nothing of the Pod until this has passed again.
  const httpGet = { path: "/", port: 8080 };
  const readinessProbe = { httpGet, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 10 };
  const spec = { nodeName, containers: [{ name: "hello-app", image, readinessProbe }] };
  await lab.kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec }));
  await cluster.kubectl("wait", "pod", "-n", NAMESPACE, name, "--for=condition=Ready", "--timeout=60s");
}

const controllers = (): Promise<Pod[]> => cluster.list<Pod>("pods", "-n", PODPIN_NAMESPACE, "-l", CONTROLLERS);

async function metricsOf({ status }: Pod): Promise<string> {
  const read = "fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)";
  const url = `http://${status?.podIP ?? ""}:${CONTROLLER_HEALTH_PORT}/metrics`;
  return (await lab.control.exec([process.execPath, "-e", read, url])).stdout;
}

const hearsAll = (metrics: string): boolean => /^podpin_nodes\{state="answering"\} 3$/m.test(metrics);

const says = (object: KubeObject | undefined, type: string): string | undefined =>
  (object as Pod | undefined)?.status?.conditions?.find((condition) => condition.type === type)?.status;

/** Whose the address is and what the route says of it, but for its words. An epoch tells of every move, a time of every flip. */
async function standing() {
  const { spec } = await cluster.binding(ADDRESS);
  const status = (await cluster.route(NAMESPACE, ROUTE))?.status;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const { status: isReady, lastTransitionTime: since } = ready ?? {};
  return { epoch: spec.epoch, node: spec.nodeName, owner: spec.owner?.podName, pods: status?.pods, isReady, since };
}

async function untilKubernetesHearsNothing(): Promise<void> {
  const pod = await cluster.until(
    `${NEWER} is not Ready because Kubernetes hears nothing of ${node.name}`,
    async () => {
      const known = says(await cluster.find("node", "", node.name), "Ready");
      const found = await cluster.pod(NAMESPACE, NEWER);
      return known === "Unknown" && says(found, "Ready") === "False" ? found : undefined;
    },
    PATIENCE_MS,
  );
  expect(says(pod, "ContainersReady")).toBe("True");
}

function untilTheRouteSays(text: RegExp): Promise<unknown> {
  let message = "";
  return cluster
    .until(
      `the route says ${String(text)}`,
      async () => {
        const conditions = (await cluster.route(NAMESPACE, ROUTE))?.status?.conditions;
        message = conditions?.find(({ type }) => type === "Ready")?.message ?? "";
        return text.test(message) ? message : undefined;
      },
      PATIENCE_MS,
    )
    .catch((error: Error) => {
      throw new Error(`${error.message}; it says: ${message}`);
    });
}

const UNHEARD =
  /^the addresses reach Pod newer; Kubernetes has not heard node node3 and calls the Pod not Ready for that; /;

async function startControllersAnew(): Promise<void> {
  const old = new Set((await controllers()).map(({ metadata }) => metadata.uid));
  await cluster.kubectl("delete", "pods", "-n", PODPIN_NAMESPACE, "-l", CONTROLLERS);
  await cluster.until(
    // Once a second while Kubernetes does not hear the node; it gives nodes less time than that to be heard.
    "a new controller leads, hears every node, and has looked at the route six times",
    async () => {
      const pods = (await controllers()).filter(({ metadata }) => !old.has(metadata.uid));
      const texts = await Promise.all(pods.map(metricsOf));
      const leader = texts.find((text) => /^podpin_is_leader 1$/m.test(text)) ?? "";
      const looked = /^podpin_reconcile_seconds_count\{kind="route",result="ok"\} (\d+)$/m.exec(leader)?.[1];
      return hearsAll(leader) && Number(looked) >= 6 ? true : undefined;
    },
    PATIENCE_MS,
  );
}

/** Probes the address while this happens, and looks at everything again after it. */
async function costsNothing(happens: (unchanged: () => Promise<void>) => Promise<void>): Promise<void> {
  const before = await standing();
  expect(before).toMatchObject({ owner: NEWER, node: node.name, pods: [NEWER], isReady: "True" });
  const unchanged = async (): Promise<void> => expect(await standing()).toEqual(before);
  // At this pace what a busy machine reads late is still there.
  const watched = { address: ADDRESS, namespace: NAMESPACE, pods: [NEWER], intervalMs: 25 };
  const { probe } = await counted(cluster, watched, () => happens(unchanged));
  await unchanged();
  const answerers = probe.answerers.map(({ hostname }) => hostname);
  expect({ lost: probe.lost, answerers }).toEqual({ lost: 0, answerers: [NEWER] });
}

test("a kubelet that stands still, then ends and is started anew, costs its Pod nothing, whatever becomes of the controllers", () =>
  costsNothing(async (unchanged) => {
    node.signalKubelet("SIGSTOP");
    await untilKubernetesHearsNothing();
    await untilTheRouteSays(UNHEARD);
    await unchanged();
    await startControllersAnew();
    await unchanged();
    node.signalKubelet("SIGKILL");
    await cluster.until(
      "Kubernetes hears the node and calls the Pod Ready",
      async () => {
        const all = [await cluster.find("node", "", node.name), await cluster.pod(NAMESPACE, NEWER)];
        return all.every((one) => says(one, "Ready") === "True") ? true : undefined;
      },
      PATIENCE_MS,
    );
    await untilTheRouteSays(/^the addresses reach Pod newer$/);
  }));

test("a node that is cut off from the API server alone serves on until a newer Pod has the address, and is silent then", async () => {
  await costsNothing(async () => {
    // Also for Pods, which call a Service.
    const rule = `ip daddr ${API_SERVER_ADDRESS} tcp dport ${API_SERVER_PORT} drop`;
    const table = `table ip test { chain out { type filter hook postrouting priority filter; ${rule}; }; }`;
    expect((await node.exec(["nft", table])).stderr).toBe("");
    await untilKubernetesHearsNothing();
    await untilTheRouteSays(UNHEARD);
  });
  const other = lab.nodes[1] as LabNode;
  await startPod(NEWEST, other, helloAppImage);
  await cluster.readyRoute(NAMESPACE, ROUTE, ({ metadata }) => metadata.name === NEWEST);
  // It cannot have read that, nor say anything of it; the controller tells it.
  const { spec, status } = await cluster.binding(ADDRESS);
  expect(spec).toMatchObject({ owner: { podName: NEWEST }, releasing: { nodeName: node.name, wait: false } });
  expect(status?.acks?.find(({ nodeName }) => nodeName === node.name)?.state).toBe("Announced");
  await untilOnlyAnswers(other);
  await servedBy(NEWEST);

  expect((await node.exec(["nft", "delete table ip test"])).stderr).toBe("");
  await cluster.until(
    "the node has read that it has the address no more, and let go",
    async () => ((await cluster.binding(ADDRESS)).spec.releasing === undefined ? true : undefined),
    PATIENCE_MS,
  );
  await servedBy(NEWEST);
});

test("when the node of the newest Pod loses power, the address goes to the next", async () => {
  const { epoch } = (await cluster.binding(ADDRESS)).spec;
  await cluster.kubectl("delete", "pod", "-n", NAMESPACE, NEWEST, "--wait=false");
  await cluster.readyRoute(NAMESPACE, ROUTE, ({ metadata }) => metadata.name === NEWER);
  await untilOnlyAnswers(node);
  await node.powerOff();
  await cluster.readyRoute(NAMESPACE, ROUTE, ({ metadata }) => metadata.name === OLDER);
  const { spec } = await cluster.binding(ADDRESS);
  expect(spec).toMatchObject({ owner: { podName: OLDER }, releasing: { nodeName: node.name, wait: false } });
  expect(spec.epoch).toBeGreaterThan(epoch);
  await servedBy(OLDER);
});

/** Which machines answer who asks for the address on the segment. */
async function untilOnlyAnswers({ name }: LabNode): Promise<void> {
  await cluster.until(
    `${name} alone answers for ${ADDRESS}`,
    async () => {
      const tables = await Promise.all(lab.nodes.map((each) => each.exec(["ip", "neigh", "show", "proxy"])));
      const speaking = lab.nodes.filter((_, index) => tables[index]?.stdout.includes(`${ADDRESS} `));
      return speaking.map((each) => each.name).join() === name ? true : undefined;
    },
    PATIENCE_MS,
  );
}

async function servedBy(pod: string): Promise<void> {
  await lab.client.exec(["ip", "neigh", "flush", "to", ADDRESS]);
  const probe = await startProbe(lab.client, { address: ADDRESS, intervalMs: 25, maxSeconds: 0.5, graceMs: 5_000 });
  expect((await probe.result).answerers.map(({ hostname }) => hostname)).toEqual([pod]);
}
