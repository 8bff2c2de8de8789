// The cdk8s chart of examples/proxy-ss-cdk8s on the shared real cluster: kubectl apply, packets, kubectl delete.
import { App, Chart, Testing } from "cdk8s";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ProxySs } from "../../examples/proxy-ss-cdk8s/chart";
import { startProbe } from "../../lab/cluster/probe";
import { PersistentIpController } from "../../lib/cdk8s";
import { ANNOTATION_DELIVERY, type GKEIPRoute } from "../../lib/model/gke-api";
import { AGENT, CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { kernelTraces } from "../../lab/steps/kernel-traces";
import { sharedLab, type SharedLab } from "../support/shared-lab";
import { describeRunningPods } from "./image-in-pods";

jest.setTimeout(180_000);

const ADDRESSES = ["198.51.100.40", "198.51.100.41"];
const NAMESPACE = "cdk8s-edge";

let lab: SharedLab;
let manifests: string;

beforeAll(async () => {
  lab = sharedLab();
  const props = { podpinImage: lab.podpinImage, namespace: NAMESPACE, addresses: ADDRESSES };
  manifests = listOf(new ProxySs(new App(), "c", props));
  // The route's kind is there once the controller has filled it in; until then only the route is refused.
  await until("the chart is applied", async () => {
    await lab.kubectl(["apply", "--server-side", "-f", "-"], manifests);
    return true;
  });
});

afterAll(async () => {
  const routes = ["delete", "gkeiproutes", "--all", "--namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"];
  await lab.kubectl(routes).catch(() => undefined);
  await lab.kubectl(["delete", "--ignore-not-found", "--timeout=90s", "-f", "-"], withoutRoutes());
});

test("the route becomes Ready and the Pod answers on both addresses", async () => {
  const route = await until("the route is Ready", async () => {
    const text = await lab.kubectl(["get", "gkeiproute", "-n", NAMESPACE, "my-pod-ips", "-o", "json"]);
    const found = JSON.parse(text) as GKEIPRoute;
    const ready = found.status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === "True" ? found : undefined;
  });
  expect(route.status?.pods).toEqual(["proxy-ss-1"]);
  for (const address of ADDRESSES) {
    const probe = await startProbe(lab.client, { address, intervalMs: 10, maxSeconds: 30, graceMs: 3000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { lost, answerers, clientsSeen } = await probe.stop();
    expect([lost, answerers.map(({ hostname }) => hostname), clientsSeen]).toEqual([
      0,
      ["proxy-ss-1"],
      [lab.client.address],
    ]);
  }
});

test("the controller leads by its Lease, tells of the assignment in an Event, and shows metrics", async () => {
  const pods = JSON.parse(
    await lab.kubectl([
      "get",
      "pods",
      "-n",
      PODPIN_NAMESPACE,
      "-l",
      `app.kubernetes.io/component=controller`,
      "-o",
      "json",
    ]),
  ) as { items: { metadata: { name: string }; spec: { nodeName: string }; status: { podIP: string } }[] };
  const holder = await lab.kubectl([
    ...["get", "lease", CONTROLLER, "-n", PODPIN_NAMESPACE],
    ...["-o", "jsonpath={.spec.holderIdentity}"],
  ]);
  const leader = pods.items.find(({ metadata }) => holder.startsWith(`${metadata.name}_`));
  expect(leader).toBeDefined();
  const notes = await lab.kubectl([
    "get",
    "events",
    "-n",
    NAMESPACE,
    "-o",
    'jsonpath={.items[?(@.reason=="AddressesAssigned")].message}',
  ]);
  expect(notes).toMatch(
    /^198\.51\.100\.40 \(epoch 1\), 198\.51\.100\.41 \(epoch 1\) assigned to Pod proxy-ss-1 on node node\d$/,
  );
  const node = lab.nodes.find(({ name }) => name === leader?.spec.nodeName);
  const read = "fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)";
  const metrics = await node!.exec([process.execPath, "-e", read, `http://${leader?.status.podIP}:8081/metrics`]);
  expect(metrics.stdout).toMatch(/^podpin_is_leader 1$/m);
  expect(metrics.stdout).toMatch(/^podpin_binding_writes_total\{verb="create",result="ok"\} 2$/m);
  expect(metrics.stdout).toMatch(/^podpin_events_total\{result="created"\} \d+$/m);
  expect(metrics.stdout).toMatch(/^podpin_watch_age_seconds\{kind="Pod"\} [\d.]+$/m);
});

test("podpin status names the Pod of each address", async () => {
  const root = path.resolve(__dirname, "../..");
  const built = spawnSync(
    process.execPath,
    [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", ".lab/cli"],
    { cwd: root },
  );
  expect(built.status).toBe(0);
  // On a busy machine a node that hears nobody for half a second is not Ready for a moment.
  await lab.kubectl(["wait", "gkeiproute/my-pod-ips", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=60s"]);
  const { stdout, stderr, code } = await lab.control.exec(
    [process.execPath, path.join(root, ".lab/cli/cli/main.js"), "status", "--kubeconfig", lab.kubeconfig],
    { env: { ...process.env, PATH: `${path.dirname(lab.kubectlPath)}:${process.env["PATH"] ?? ""}` } },
  );
  expect([code, stderr]).toEqual([0, ""]);
  for (const address of ADDRESSES) {
    expect(stdout).toMatch(new RegExp(`${address} +${NAMESPACE}/my-pod-ips +proxy-ss-1 +node\\d +\\d+ +True`));
  }
});

describe("its Pods", () => describeRunningPods(() => lab));

test("agents that may enter Pods put the addresses on the Pod's interface", async () => {
  const chart = new Chart(new App(), "c");
  const image = lab.podpinImage;
  new PersistentIpController(chart, "podpin", { image, gkeClassFabric: "l2", interfaceDelivery: true });
  await lab.kubectl(["apply", "--server-side", "-f", "-"], listOf(chart));
  await until(
    "every agent is the new one",
    async () => {
      const text = await lab.kubectl(["get", "daemonset", AGENT, "-n", PODPIN_NAMESPACE, "-o", "json"]);
      const { metadata, status } = JSON.parse(text) as DaemonSet;
      const { observedGeneration, updatedNumberScheduled, numberAvailable } = status;
      if (observedGeneration !== metadata.generation) return undefined;
      const each = [updatedNumberScheduled, numberAvailable].every((count) => count === lab.nodes.length);
      return each ? true : undefined;
    },
    150_000,
  );
  const delivery = `${ANNOTATION_DELIVERY}=interface`;
  await lab.kubectl(["annotate", "--overwrite", "gkeiproute", "-n", NAMESPACE, "my-pod-ips", delivery]);
  const names = `console.log(Object.values(os.networkInterfaces()).flat().map(({ address }) => address).join(" "))`;
  const inPod = ["exec", "-n", NAMESPACE, "proxy-ss-1", "--", "node", "-e", names];
  await until("the Pod has them", async () => {
    const present = (await lab.kubectl(inPod)).trim().split(" ");
    return ADDRESSES.every((address) => present.includes(address)) ? true : undefined;
  });
}, 240_000);

test("deleting the route leaves nothing in any node's kernel", async () => {
  expect((await Promise.all(lab.nodes.map(kernelTraces))).flat()).not.toEqual([]);
  await lab.kubectl(["delete", "gkeiproute", "-n", NAMESPACE, "my-pod-ips", "--timeout=60s"]);
  await until("no kernel shows a trace", async () =>
    (await Promise.all(lab.nodes.map(kernelTraces))).flat().length === 0 ? true : undefined,
  );
});

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly status: Partial<Record<"observedGeneration" | "updatedNumberScheduled" | "numberAvailable", number>>;
}

function listOf(chart: Chart): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: Testing.synth(chart) as unknown[] });
}

function withoutRoutes(): string {
  const list = JSON.parse(manifests) as { items: { kind: string }[] };
  return JSON.stringify({ ...list, items: list.items.filter(({ kind }) => kind !== "GKEIPRoute") });
}

async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  let trouble = "";
  for (;;) {
    const found = await look().catch((error: Error) => void (trouble = error.message));
    if (found !== undefined) return found as T;
    if (performance.now() > end) throw new Error(`${what}: not so after ${timeoutMs / 1000} s; ${trouble}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
