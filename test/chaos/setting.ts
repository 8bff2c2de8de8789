// What the faults happen to: podpin on a lab, Pods like those of a StatefulSet, and three routes that choose among them.
import { ApiObject, App, Chart, Testing } from "cdk8s";
import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/cdk8s";
import { typedAddress } from "../../lib/model/address";
import { Delivery } from "../../lib/model/binding";
import type { KubeObject, Node } from "../../lib/model/kubernetes";
import { CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { Lab } from "../../lab/cluster/lab";
import type { Prepared } from "../../lab/prepare";
import { Cluster } from "../../lab/steps/cluster";

export const NAMESPACE = "chaos";
/** Two addresses each. Every Pod may be chosen by all of them, by labels of that name. */
export const ROUTES = { nat: Delivery.Nat, app: Delivery.App, interface: Delivery.Interface } as const;
export type RouteName = keyof typeof ROUTES;
export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];
export const ADDRESSES: Readonly<Record<RouteName, readonly string[]>> = {
  nat: ["198.51.100.101", "198.51.100.102"],
  app: ["198.51.100.103", "198.51.100.104"],
  interface: ["198.51.100.105", "198.51.100.106"],
};
export const ALL_ADDRESSES = Object.values(ADDRESSES).flat();
export const POD_NAMES = ["db-0", "db-1", "db-2", "db-3", "db-4", "db-5"];
/** The readiness gate that the faults open and close. */
export const GATE = "example.com/serving";
/** A route beside those, which asks for addresses of one of them. */
export const RIVAL = "rival";
/** Name of what refuses podpin's writes. */
export const SOMEBODY = "somebody";
export const REFUSAL_KINDS = {
  webhook: "ValidatingWebhookConfiguration",
  policyBinding: "ValidatingAdmissionPolicyBinding",
  policy: "ValidatingAdmissionPolicy",
} as const;
export const LEAVING_TAINT = "ToBeDeletedByClusterAutoscaler";
/** kubectl gives up where the API server stands still. */
export const PATIENCE = "--request-timeout=5s";

interface Declared extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec?: unknown;
}

export class Setting {
  readonly cluster: Cluster;
  #objects: readonly Declared[] = [];
  /** As they were before anything happened to them. */
  #nodes: readonly Declared[] = [];
  #born = 0;

  constructor(
    readonly lab: Lab,
    private readonly prepared: Prepared,
  ) {
    this.cluster = new Cluster(lab);
  }

  async install(): Promise<void> {
    this.#objects = this.#declared();
    this.#nodes = (await this.cluster.list<Declared>("nodes")).map(({ metadata: { name, labels }, spec }) => {
      return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec };
    });
    await this.cluster.until("podpin is applied", () => this.putBack().then(() => true));
    for (const workload of [`deployment/${CONTROLLER}`, "daemonset/podpin-agent"]) {
      await this.cluster.kubectl("rollout", "status", "-n", PODPIN_NAMESPACE, workload, "--timeout=120s");
    }
    for (const name of POD_NAMES) await this.makePod(name);
  }

  /** Under a name that comes back, as a StatefulSet does; its hostname tells one Pod of that name from the next. */
  async makePod(name: string): Promise<void> {
    // Always there: kube-scheduler 1.35 ends when it has missed that a Pod was deleted and made anew on another node.
    const nodeName = this.lab.nodes[POD_NAMES.indexOf(name) % this.lab.nodes.length]!.name;
    const image = this.prepared.images.helloAppImage;
    const add = ADDRESSES.app.map((address) => `ip address add ${address}/32 dev eth0`).join(" && ");
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: NAMESPACE, labels: Object.fromEntries(ROUTE_NAMES.map((each) => [each, "yes"])) },
      spec: {
        nodeName,
        hostname: `${name}-${++this.#born}`,
        terminationGracePeriodSeconds: 2,
        readinessGates: [{ conditionType: GATE }],
        tolerations: [{ operator: "Exists" }],
        initContainers: [
          {
            name: "addresses",
            image,
            securityContext: { privileged: true },
            command: ["sh", "-c", `${add} && echo 2 > /proc/sys/net/ipv4/conf/eth0/arp_announce`],
          },
        ],
        containers: [{ name: "hello-app", image }],
      },
    };
    await this.lab.kubectl(["create", PATIENCE, "-f", "-"], JSON.stringify(pod));
    await this.setReady(name, true);
  }

  /** Whatever a fault has left because a request of its own was lost. */
  async restore(): Promise<void> {
    await this.endRefusals();
    await this.restoreNodes();
    await this.cluster.kubectl("uncordon", ...this.lab.nodes.map(({ name }) => name), PATIENCE);
    const args = ["-n", NAMESPACE, RIVAL, "--ignore-not-found", "--wait=false", PATIENCE];
    await this.cluster.kubectl("delete", "gkeiproute", ...args);
    if ((await this.cluster.route(NAMESPACE, RIVAL)) !== undefined) throw new Error(`${RIVAL} is still being deleted`);
    await this.putBack();
    const labels = ROUTE_NAMES.map((each) => `${each}=yes`);
    for (const name of POD_NAMES) {
      const pod = await this.cluster.pod(NAMESPACE, name);
      if (pod?.metadata.deletionTimestamp !== undefined) throw new Error(`${name} is still being deleted`);
      if (pod === undefined) await this.makePod(name);
      else await this.setReady(name, true);
      await this.cluster.kubectl("label", "pod", "-n", NAMESPACE, name, ...labels, "--overwrite", PATIENCE);
    }
  }

  async setReady(name: string, ready: boolean): Promise<void> {
    const status = { conditions: [{ type: GATE, status: ready ? "True" : "False" }] };
    const patch = JSON.stringify({ status });
    await this.cluster.kubectl("patch", "pod", "-n", NAMESPACE, name, PATIENCE, "--subresource=status", "-p", patch);
  }

  /** Declared objects as they were at first, made anew where they are gone: all, or those of a kind. */
  putBack(kind?: string, name?: string): Promise<string> {
    const wanted = (object: Declared): boolean =>
      (kind === undefined || object.kind === kind) && (name === undefined || object.metadata.name === name);
    return this.#apply(this.#objects.filter(wanted));
  }

  restoreRoute(name: RouteName): Promise<string> {
    return this.putBack("GKEIPRoute", name);
  }

  /** Nodes that are gone, with what the lab gave them; and none of them is about to go. */
  async restoreNodes(): Promise<void> {
    const there = await this.cluster.list<Node>("nodes", PATIENCE);
    const gone = this.#nodes.filter((node) => !there.some(({ metadata }) => metadata.name === node.metadata.name));
    if (gone.length > 0) await this.#apply(gone);
    for (const { metadata, spec } of there) {
      if (spec?.taints?.some(({ key }) => key === LEAVING_TAINT) !== true) continue;
      await this.cluster.kubectl("taint", "node", metadata.name, `${LEAVING_TAINT}-`, PATIENCE);
    }
  }

  /** Asks for the addresses of a route, for the Pods of another one. */
  async makeRival(name: RouteName, other: RouteName): Promise<void> {
    const route = this.#objects.find(({ kind, metadata }) => kind === "GKEIPRoute" && metadata.name === name);
    if (route === undefined) throw new Error(`route ${name} was not declared`);
    const spec = { ...(route.spec as object), podSelector: { matchLabels: { [other]: "yes" } } };
    await this.#apply([{ ...route, metadata: { ...route.metadata, name: RIVAL }, spec }]);
  }

  async endRefusals(): Promise<void> {
    for (const kind of Object.values(REFUSAL_KINDS)) {
      await this.cluster.kubectl("delete", kind, SOMEBODY, "--ignore-not-found", PATIENCE);
    }
  }

  async setAddresses(name: RouteName, addresses: readonly string[]): Promise<void> {
    const values = addresses.map(typedAddress);
    await this.patchRoute(name, { spec: { addresses: values } });
  }

  patchRoute(name: RouteName, change: unknown, ...args: readonly string[]): Promise<string> {
    const patch = ["--type=merge", "-p", JSON.stringify(change), ...args];
    return this.cluster.kubectl("patch", "gkeiproute", "-n", NAMESPACE, name, PATIENCE, ...patch);
  }

  #apply(items: readonly Declared[]): Promise<string> {
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    return this.lab.kubectl(["apply", "--server-side", "--force-conflicts", PATIENCE, "-f", "-"], list);
  }

  #declared(): Declared[] {
    const chart = new Chart(new App(), "chaos");
    new ApiObject(chart, "namespace", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    const image = this.prepared.images.podpinImage;
    const controller = new PersistentIpController(chart, "podpin", {
      image,
      gkeClassFabric: "l2",
      interfaceDelivery: true,
    });
    const pool = PersistentIpPool.fromAddresses(chart, "pool", {
      addresses: ALL_ADDRESSES,
      controller,
      namespace: NAMESPACE,
      gatewayClassName: "podpin-l2",
    });
    for (const name of ROUTE_NAMES) {
      new PinnedPodRoute(chart, name, {
        pool,
        addresses: [...ADDRESSES[name]],
        namespace: NAMESPACE,
        podSelector: { [name]: "yes" },
        delivery: ROUTES[name],
      });
    }
    return Testing.synth(chart) as Declared[];
  }
}
