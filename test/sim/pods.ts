// Pods and what kubelets do for them: interfaces and addresses, readiness, an end.
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import type { SimNode } from "./node";
import { NAMESPACE, type World } from "./world";

export class Pods {
  /** Pods that shall not be Ready, by UID. */
  readonly unready = new Set<string>();
  readonly #busy = new Set<string>();

  constructor(private readonly world: World) {}

  on(node: SimNode): Pod[] {
    return this.world.server.list<Pod>(RESOURCES.pods).filter(({ spec }) => spec?.nodeName === node.name);
  }

  create(node: SimNode, group: string, reuse = false): void {
    const name = `${group}-${this.world.random.between(0, 999_999).toString(36)}`;
    this.world.server.put<Pod>(RESOURCES.pods, {
      metadata: {
        name,
        namespace: NAMESPACE,
        labels: { component: group },
        // The world's own note; nothing that ships reads it.
        annotations: { reuse: String(reuse) },
      },
      spec: { nodeName: node.name },
      status: { phase: "Pending" },
    } as Pod);
    this.kubeletSoon(node);
  }

  delete(pod: Pod, force: boolean): void {
    const node = this.nodeOf(pod);
    const { name } = pod.metadata;
    if (force) this.world.server.remove(RESOURCES.pods, { namespace: NAMESPACE, name });
    else this.world.server.markDeleted(RESOURCES.pods, { namespace: NAMESPACE, name });
    if (node !== undefined) this.kubeletSoon(node);
  }

  nodeOf(pod: Pod): SimNode | undefined {
    return this.world.nodes.find(({ name }) => name === pod.spec?.nodeName);
  }

  kubeletSoon(node: SimNode): void {
    this.world.after(this.world.random.between(5, 200), () => this.#kubelet(node));
  }

  /** What a kubelet does: interfaces for Pods that lack one, an end for those that shall end. */
  #kubelet(node: SimNode): void {
    if (!node.powered || !node.linked) return;
    const present = new Set<string>();
    for (const pod of this.on(node)) {
      const uid = pod.metadata.uid ?? "";
      present.add(uid);
      if (pod.metadata.deletionTimestamp !== undefined) this.#once(`end ${uid}`, 2_000, () => this.#end(node, pod));
      else if (node.ipOf(uid) === undefined) this.#begin(node, pod);
      else this.#readySoon(node, pod);
    }
    for (const uid of node.uids()) {
      if (!present.has(uid)) this.#once(`gone ${uid}`, 1_000, () => this.#unplug(node, uid));
    }
  }

  #once(what: string, mostMs: number, act: () => void): void {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    this.world.after(this.world.random.between(5, mostMs), () => {
      this.#busy.delete(what);
      act();
    });
  }

  #begin(node: SimNode, pod: Pod): void {
    const ip = node.freeIp(pod.metadata.annotations?.["reuse"] === "true");
    this.plug(node, pod, ip);
    this.#readySoon(node, pod);
  }

  /** Gives the Pod an interface; any older one of it is gone. */
  plug(node: SimNode, pod: Pod, ip: string): void {
    const uid = pod.metadata.uid ?? "";
    this.#unplug(node, uid);
    node.plug(uid, ip);
    this.world.say(() => `Pod ${pod.metadata.name} has ${ip} on ${node.name}`);
    this.world.disturb();
    this.set(pod, { ip });
  }

  #readySoon(node: SimNode, pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    this.#once(`ready ${uid}`, 800, () => {
      if (node.powered && node.linked && node.ipOf(uid) !== undefined) this.set(pod, { ready: !this.unready.has(uid) });
    });
  }

  #end(node: SimNode, pod: Pod): void {
    if (!node.powered || !node.linked) return;
    this.#unplug(node, pod.metadata.uid ?? "");
    this.world.after(this.world.random.between(1, 100), () => {
      const present = this.#present(pod);
      if (present !== undefined)
        this.world.server.remove(RESOURCES.pods, { namespace: NAMESPACE, name: pod.metadata.name });
    });
  }

  #unplug(node: SimNode, uid: string): void {
    if (node.ipOf(uid) === undefined) return;
    this.world.say(() => `an interface on ${node.name} goes`);
    node.unplug(uid);
    this.world.disturb();
  }

  #present({ metadata }: Pod): Pod | undefined {
    const found = this.world.server.get<Pod>(RESOURCES.pods, { namespace: NAMESPACE, name: metadata.name });
    return found?.metadata.uid === metadata.uid ? found : undefined;
  }

  set(pod: Pod, change: { readonly ip?: string; readonly ready?: boolean }): void {
    const present = this.#present(pod);
    if (present === undefined) return;
    const was = present.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
    const { ip = present.status?.podIP, ready = was } = change;
    const status = { phase: "Running", podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] };
    if (JSON.stringify(status) === JSON.stringify(present.status)) return;
    this.world.edited();
    this.world.server.put<Pod>(RESOURCES.pods, { ...present, status } as Pod);
  }

  setUnready(pod: Pod, unready: boolean): void {
    const uid = pod.metadata.uid ?? "";
    if (unready) this.unready.add(uid);
    else this.unready.delete(uid);
    const node = this.nodeOf(pod);
    if (node !== undefined) this.kubeletSoon(node);
  }

  all(): Pod[] {
    return this.world.server
      .list<Pod>(RESOURCES.pods)
      .filter(({ metadata }) => metadata.labels?.["component"] !== "poison");
  }
}
