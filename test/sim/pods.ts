// Pods and what kubelets do for them: interfaces and addresses, readiness, an end.
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import type { SimNode } from "./node";
import { NAMESPACE, type World } from "./world";

interface Said {
  readonly ip: string | undefined;
  readonly ready: boolean;
  readonly containers: boolean;
}

/** What a kubelet that starts means for its Pods. */
interface Unasked {
  /** Kubernetes had called the node silent. */
  readonly missed: boolean;
  /** None of its containers runs any more. */
  readonly all: boolean;
}

/** The longest until a Pod has been asked: a period of its probe, and some; less than what podpin grants it. */
export const UNASKED_MS = 12_000;

export class Pods {
  /** Pods that shall not be Ready, by UID. */
  readonly unready = new Set<string>();
  readonly #busy = new Set<string>();
  /** Pods that their kubelet has not asked yet since it started, by UID. */
  readonly #unasked = new Map<string, Unasked>();

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
        labels: labelsOf(group),
        // The world's own notes; nothing that ships reads them.
        annotations: { reuse: String(reuse), group },
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
    if (!node.kubeletWorks) return;
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
      if (!node.kubeletWorks || node.ipOf(uid) === undefined || this.#unasked.has(uid)) return;
      this.set(pod, { ready: !this.unready.has(uid) });
    });
  }

  /**
   * A kubelet that starts calls containers with a readiness probe not ready until it has asked them; what it says of them may come
   * before what it says of the node.
   */
  unask(node: SimNode, unasked: Unasked): void {
    const { random } = this.world;
    for (const pod of this.on(node)) {
      if (!unasked.all && random.chance(0.3)) continue;
      const uid = pod.metadata.uid ?? "";
      const isNow = (): boolean => this.#unasked.get(uid) === unasked;
      this.#unasked.set(uid, unasked);
      this.world.after(random.between(50, 1_000), () => {
        const present = this.#present(pod);
        if (!isNow() || !node.kubeletWorks || present === undefined) return;
        const said = this.#write(present, { ip: present.status?.podIP, ready: false, containers: false });
        if (said && !unasked.missed) this.world.edited();
      });
      this.world.after(random.between(1_100, UNASKED_MS), () => {
        if (!isNow()) return;
        this.#unasked.delete(uid);
        this.kubeletSoon(node);
      });
    }
  }

  #end(node: SimNode, pod: Pod): void {
    if (!node.kubeletWorks) return;
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
    const { ip = present.status?.podIP, ready = isTrue(present, "Ready") } = change;
    if (this.#write(present, { ip, ready, containers: ready })) this.world.edited();
  }

  /** What the control plane does to the Pods of a node of which it hears nothing; what the kubelet said of their containers stays. */
  takeReady(pod: Pod): void {
    const present = this.#present(pod);
    if (present === undefined) return;
    this.#write(present, {
      ip: present.status?.podIP,
      ready: false,
      containers: isTrue(present, "ContainersReady"),
    });
  }

  /** @returns false when it was so already */
  #write(pod: Pod, { ip, ready, containers }: Said): boolean {
    const conditions = [
      { type: "Ready", status: ready ? "True" : "False" },
      { type: "ContainersReady", status: containers ? "True" : "False" },
    ];
    const status = { phase: "Running", podIP: ip, conditions };
    if (JSON.stringify(status) === JSON.stringify(pod.status)) return false;
    this.world.server.put<Pod>(RESOURCES.pods, { ...pod, status } as Pod);
    return true;
  }

  /** Nobody has asked it to end, its containers are ready or were before Kubernetes missed its kubelet, and its node takes part and answers. */
  isLeftAlone(uid: string, routeUid: string): boolean {
    const pod = this.all().find(({ metadata }) => metadata.uid === uid);
    const node = pod && this.nodeOf(pod);
    if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined) return false;
    const { machines, processes, routes } = this.world;
    if (!routes.isFor(routeUid, pod.metadata.labels?.["component"])) return false;
    const ready = isTrue(pod, "ContainersReady") || (this.#unasked.get(uid)?.missed === true && processes.areOnTime());
    const fine = ready && !this.unready.has(uid) && !machines.isCordoned(node.name);
    // Who has never heard an agent goes by what Kubernetes says.
    return fine && node.onSegment && node.agentFineSince !== undefined && !processes.lostAt.has(node.name);
  }

  /** Somebody takes the labels away by which routes know the Pod, or gives them back. */
  relabel(pod: Pod, known: boolean): void {
    const present = this.#present(pod);
    if (present === undefined) return;
    const labels = known ? labelsOf(groupOf(pod)) : UNKNOWN;
    this.world.server.put<Pod>(RESOURCES.pods, { ...present, metadata: { ...present.metadata, labels } });
    this.world.edited();
  }

  isNewer(uid: string, than: string): boolean {
    const born = (one: string): string =>
      this.all().find(({ metadata }) => metadata.uid === one)?.metadata.creationTimestamp ?? "";
    return born(uid) > born(than) || (born(uid) === born(than) && uid > than);
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

/** Labels of a Pod that no route knows. */
const UNKNOWN = { component: "none" };

const labelsOf = (group: string): Readonly<Record<string, string>> => ({ component: group, [`of-${group}`]: "" });

/** Whose Pod it was made to be. */
export const groupOf = ({ metadata }: Pod): string => metadata.annotations?.["group"] ?? "web";

export function isTrue({ status }: Pod, condition: string): boolean {
  return status?.conditions?.some(({ type, status: said }) => type === condition && said === "True") === true;
}
