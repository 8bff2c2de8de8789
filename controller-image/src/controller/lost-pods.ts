// A StatefulSet's Pod on a machine that is gone is never replaced by Kubernetes alone: it cannot know that the Pod does not run
// any more. Where whoever runs the machine proves it, the node is marked as out of service, by which Kubernetes lets go of
// its Pods; the mark goes when the machine runs again. Nothing is ever done without that proof.
import { RESOURCES, type Node, type Pod } from "../../../lib/model/kubernetes";
import { ANNOTATION_OUT_OF_SERVICE, isMarked, OUT_OF_SERVICE } from "../../../lib/model/node-health";
import { cloudNodeOf, type CloudNode, type MachineState } from "../fabric/cloud";
import { KubeError, type Clock, type Kube, type Log } from "../kube/api";
import type { EventRecorder } from "../kube/events";
import { errorText } from "../kube/log";
import { isNodeReady } from "./projections";
import type { Store } from "./store";

export interface LostPodsOptions {
  readonly kube: Kube;
  readonly store: Store;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** This replica leads, and knows the whole cluster. */
  readonly isActing: () => boolean;
  /** What is said of a machine; rejects when there is no answer. `witness` is a machine that runs. */
  readonly machineState: (machine: CloudNode, witness: CloudNode) => Promise<MachineState>;
}

const LOOK_EVERY_MS = 1_000;
/** From one question about a machine to the next: twice as long each time, while the answer is the same. */
const ASK_MS = { first: 2_000, most: 60_000 } as const;
/** Kubernetes gives Pods of a StatefulSet this label, with their name. */
const STATEFUL_SET_LABEL = "statefulset.kubernetes.io/pod-name";

interface Asking {
  readonly notBefore: number;
  readonly pauseMs: number;
}

export function replaceLostPods(options: LostPodsOptions): { stop(): void } {
  const { kube, store, events, clock, log, isActing, machineState } = options;
  const asking = new Map<string, Asking>();
  const busy = new Set<string>();
  let cancel = (): void => undefined;

  function look(): void {
    cancel = clock.after(LOOK_EVERY_MS, look);
    if (!isActing()) return asking.clear();
    const open = new Set<string>();
    for (const node of store.copies.nodes.values()) {
      if (!isOpen(node)) continue;
      const { name } = node.metadata;
      open.add(name);
      if (!busy.has(name) && clock.now() >= (asking.get(name)?.notBefore ?? 0)) void handle(node);
    }
    for (const name of asking.keys()) if (!open.has(name)) asking.delete(name);
  }

  /** Whether something may have to be done about the node. */
  function isOpen(node: Node): boolean {
    const answers = isNodeReady(node) && !store.lostNodes.has(node.metadata.name);
    return isMarked(node) ? answers : !answers && holdsStatefulPod(node.metadata.name);
  }

  function holdsStatefulPod(nodeName: string): boolean {
    return store.bindingsOn(nodeName).some(({ spec }) => {
      const pod: Pod | undefined = store.copies.pods.get(`${spec.route.namespace}/${spec.owner?.podName ?? ""}`);
      const { uid, labels, name } = pod?.metadata ?? {};
      return spec.nodeName === nodeName && uid === spec.owner?.podUid && labels?.[STATEFUL_SET_LABEL] === name;
    });
  }

  async function handle(node: Node): Promise<void> {
    const { name } = node.metadata;
    const { pauseMs } = asking.get(name) ?? { pauseMs: ASK_MS.first };
    busy.add(name);
    try {
      const state = await stateOf(node);
      const now = store.copies.nodes.get(name);
      // The answer is about what was asked; meanwhile another machine may have the name, or another replica the lead.
      if (now === undefined || now.metadata.uid !== node.metadata.uid || !isActing() || !isOpen(now)) return;
      if (state === "gone" && !isMarked(now)) await mark(now, true);
      if (state === "running" && isMarked(now)) await mark(now, false);
    } catch (error) {
      log("warn", "nothing is known of a node's machine, so its Pods stay", { node: name, error: errorText(error) });
    } finally {
      busy.delete(name);
      asking.set(name, { notBefore: clock.now() + pauseMs, pauseMs: Math.min(2 * pauseMs, ASK_MS.most) });
    }
  }

  async function stateOf(node: Node): Promise<MachineState> {
    const machine = cloudNodeOf(node.spec?.providerID);
    const witness = witnessFor(node);
    return machine === undefined || witness === undefined ? "unknown" : machineState(machine, witness);
  }

  /** The machine of a node that works, in the same zone where there is one. */
  function witnessFor(node: Node): CloudNode | undefined {
    const zone = cloudNodeOf(node.spec?.providerID)?.zone;
    const machines = [...store.copies.nodes.values()]
      .filter((one) => one.metadata.name !== node.metadata.name && isNodeReady(one))
      .flatMap(({ metadata, spec }) =>
        store.lostNodes.has(metadata.name) ? [] : (cloudNodeOf(spec?.providerID) ?? []),
      );
    return machines.find((machine) => machine.zone === zone) ?? machines[0];
  }

  /** Compare-and-swap on the whole Node: taints are one list, and others write to it too. */
  async function mark({ metadata: { name, uid } }: Node, gone: boolean): Promise<void> {
    const { nodes } = RESOURCES;
    const node = await kube.get<Node>(nodes, { name });
    if (node === undefined || node.metadata.uid !== uid || isMarked(node) === gone) return;
    if (!gone && !isNodeReady(node)) return;
    const present = node.spec?.taints ?? [];
    // Somebody has done it already, and will take it away.
    if (gone && present.some(({ key }) => key === OUT_OF_SERVICE.key)) return;
    const others = present.filter(({ key }) => key !== OUT_OF_SERVICE.key);
    const { resourceVersion } = node.metadata;
    const annotations = { [ANNOTATION_OUT_OF_SERVICE]: gone ? new Date(clock.wallTime()).toISOString() : null };
    const taints = gone ? [...others, OUT_OF_SERVICE] : others;
    try {
      await kube.mergePatch(nodes, { name }, { metadata: { resourceVersion, annotations }, spec: { taints } });
    } catch (error) {
      // Somebody else has written to it meanwhile: it is looked at again.
      if (error instanceof KubeError && (error.status === 409 || error.status === 404)) return;
      throw error;
    }
    log(
      gone ? "warn" : "info",
      gone ? "a node's machine is gone: its Pods are replaced" : "a node's machine runs again",
      {
        node: name,
      },
    );
    events.record({
      resource: nodes,
      object: node,
      type: gone ? "Warning" : "Normal",
      reason: gone ? "OutOfService" : "InService",
      action: gone ? "ReplacePods" : "Watch",
      note: gone
        ? "Google Cloud says that the machine does not run; the node is marked, so that its Pods are replaced"
        : "The machine runs again, and the node is Ready; the mark is taken away",
    });
  }

  look();
  return { stop: () => cancel() };
}
