// What the benches of the running system share: a lab with podpin on it, Pods that stay where they are put, and routes that
// choose among them by labels, so that one label moves one address.
import { ApiObject, App, Chart, Testing } from "cdk8s";
import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/cdk8s";
import { AckState, Delivery, ownerAck } from "../../lib/model/binding";
import type { Pod } from "../../lib/model/kubernetes";
import { PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { Lab } from "../../lab/cluster/lab";
import { prepare } from "../../lab/prepare";
import { silent } from "../../lab/progress";
import { onLab } from "../../lab/start";
import { Cluster } from "../../lab/steps/cluster";

export const NAMESPACE = "bench";

export interface RigPod {
  readonly name: string;
  readonly node: string;
  /** Addresses that it has from the beginning. */
  readonly addresses?: readonly string[];
  /** It adds them to its own interface, as delivery `app` wants. */
  readonly holds?: boolean;
}

export interface RigOptions {
  /** One route each. */
  readonly addresses: readonly string[];
  /** By address. @default nat */
  readonly deliveries?: ReadonlyMap<string, Delivery>;
  /** In the order of their making: the last one is the newest. */
  readonly pods: readonly RigPod[];
}

export interface Rig {
  readonly lab: Lab;
  readonly cluster: Cluster;
  readonly pods: ReadonlyMap<string, Pod>;
  /** Label that makes a Pod eligible for an address. */
  readonly labelOf: (address: string) => string;
  /** Makes the newest Pod eligible for the address, and waits until it has it. */
  move(address: string, pod: string): Promise<void>;
}

export const labelOf = (address: string): string => `bench/${address}`;
export const routeOf = (address: string): string => `r-${address.replaceAll(".", "-")}`;

class BenchChart extends Chart {
  constructor(scope: App, image: string, { addresses, deliveries = new Map() }: RigOptions) {
    super(scope, "bench");
    new ApiObject(this, "namespace", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    const interfaceDelivery = [...deliveries.values()].includes(Delivery.Interface);
    const controller = new PersistentIpController(this, "podpin", { image, gkeClassFabric: "l2", interfaceDelivery });
    const pool = PersistentIpPool.fromAddresses(this, "pool", {
      addresses: [...addresses],
      controller,
      namespace: NAMESPACE,
      gatewayClassName: "podpin-l2",
    });
    for (const address of addresses) {
      new PinnedPodRoute(this, routeOf(address), {
        pool,
        addresses: [address],
        namespace: NAMESPACE,
        podSelector: { [labelOf(address)]: "yes" },
        delivery: deliveries.get(address),
      });
    }
  }
}

/** Runs a bench on a lab of its own. */
export async function onRig<T>(
  options: RigOptions,
  report: (doing: string) => void,
  run: (rig: Rig) => Promise<T>,
): Promise<T> {
  report("starting a lab");
  const prepared = await prepare("lab", silent);
  return onLab(prepared, silent, async (lab) => {
    const cluster = new Cluster(lab);
    report("installing podpin");
    const chart = new BenchChart(new App(), prepared.images.podpinImage, options);
    const manifests = JSON.stringify({ apiVersion: "v1", kind: "List", items: Testing.synth(chart) as unknown[] });
    // The routes' kind is there once the controller has filled it in; until then only they are refused.
    await cluster.until("podpin is applied", async () => {
      await lab.kubectl(["apply", "--server-side", "-f", "-"], manifests);
      return true;
    });
    report("starting the Pods");
    for (const pod of options.pods) await startPod(cluster, pod);
    await cluster.kubectl("rollout", "status", "-n", PODPIN_NAMESPACE, "daemonset/podpin-agent", "--timeout=120s");
    const found = await cluster.list<Pod>("pods", "-n", NAMESPACE);
    report("waiting for the addresses");
    await cluster.until("every address is announced", async () => {
      const bindings = await cluster.list<{ metadata: { name: string }; status?: { acks?: { state: string }[] } }>(
        "addressbindings",
      );
      const announced = bindings.filter(({ status }) => status?.acks?.some(({ state }) => state === "Announced"));
      return announced.length === options.addresses.length ? true : undefined;
    });
    return run({
      lab,
      cluster,
      pods: new Map(found.map((pod) => [pod.metadata.name, pod])),
      labelOf,
      move: async (address, pod) => {
        await cluster.kubectl("label", "pod", "-n", NAMESPACE, pod, `${labelOf(address)}=yes`);
        await cluster.until(`${pod} has ${address}`, async () => {
          const binding = await cluster.binding(address);
          const theirs = binding.spec.owner?.podName === pod;
          return theirs && ownerAck(binding)?.state === AckState.Announced ? true : undefined;
        });
      },
    });
  });
}

/** One after the other, each in a second of its own: creation times have no parts of seconds. */
async function startPod(cluster: Cluster, { name, node, addresses = [], holds = false }: RigPod): Promise<void> {
  const image = "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0";
  const add = addresses.map((address) => `ip address add ${address}/32 dev eth0`).join(" && ");
  const quiet = "echo 2 > /proc/sys/net/ipv4/conf/eth0/arp_announce";
  const holding = {
    name: "addresses",
    image,
    securityContext: { privileged: true },
    command: ["sh", "-c", `${add} && ${quiet}`],
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: Object.fromEntries(addresses.map((each) => [labelOf(each), "yes"])),
    },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      initContainers: holds ? [holding] : [],
      containers: [{ name: "hello-app", image }],
    },
  };
  await cluster.lab.kubectl(["apply", "-f", "-"], JSON.stringify(pod));
  const created = Date.now();
  await cluster.kubectl("wait", "pod", "-n", NAMESPACE, name, "--for=condition=Ready", "--timeout=60s");
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, created + 1100 - Date.now())));
}
