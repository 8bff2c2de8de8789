// The Pods of a large cluster: read out of protobuf, and kept as one string each. A cluster of 150,000 Pods has to fit into a
// small Pod itself.
import { ANNOTATION_POD_IPS } from "../../../lib/model/gke-api";
import type { ObjectMeta, Pod } from "../../../lib/model/kubernetes";
import type { Packing } from "../kube/api";
import { readMeta } from "../kube/kubernetes-protobuf";
import { Message } from "../kube/protobuf";
import { keptOfPod } from "./projections";

/** What {@link keptOfPod} keeps of a Pod. Field numbers are those of `k8s.io/api/core/v1/generated.proto`. */
export function decodePod(bytes: Buffer): Pod {
  const pod = new Message(bytes);
  let metadata: ObjectMeta = { name: "" };
  let spec: Pod["spec"];
  let status: Pod["status"];
  while (pod.next()) {
    if (pod.field === 1) metadata = readMeta(pod.message());
    else if (pod.field === 2) spec = readSpec(pod.message());
    else if (pod.field === 3) status = readStatus(pod.message());
  }
  return keptOfPod({ metadata, spec, status });
}

function readSpec(spec: Message): Pod["spec"] {
  let nodeName: string | undefined;
  let hostNetwork: boolean | undefined;
  const readinessGates: { conditionType: string }[] = [];
  while (spec.next()) {
    // What JSON leaves out, protobuf may write as an empty string or as 0.
    if (spec.field === 10) nodeName = spec.string() || undefined;
    else if (spec.field === 11) hostNetwork = spec.number() !== 0 || undefined;
    else if (spec.field === 28) readinessGates.push({ conditionType: readText(spec.message(), 1) });
  }
  return { nodeName, hostNetwork, readinessGates };
}

function readText(message: Message, field: number): string {
  let text = "";
  while (message.next()) if (message.field === field) text = message.string();
  return text;
}

function readStatus(status: Message): Pod["status"] {
  const conditions: { type: string; status: string }[] = [];
  const podIPs: { ip: string }[] = [];
  let phase: string | undefined;
  let podIP: string | undefined;
  while (status.next()) {
    if (status.field === 1) phase = status.string() || undefined;
    else if (status.field === 2) conditions.push(readCondition(status.message()));
    else if (status.field === 6) podIP = status.string() || undefined;
    else if (status.field === 12) podIPs.push({ ip: readText(status.message(), 1) });
  }
  return { phase, podIP, podIPs, conditions: conditions.length === 0 ? undefined : conditions };
}

function readCondition(condition: Message): { type: string; status: string } {
  let type = "";
  let status = "";
  while (condition.next()) {
    if (condition.field === 1) type = condition.string();
    else if (condition.field === 2) status = condition.string();
  }
  return { type, status };
}

/** What most Pods share with others, each kept once: the Pods of a Deployment all have the same labels. */
class Shared {
  readonly #ids = new Map<string, number>();
  readonly #values = new Map<number, { readonly text: string; readonly value: unknown; uses: number }>();
  #next = 0;

  /** The id of an equal value. */
  keep(value: unknown): number {
    const text = JSON.stringify(value);
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#next++;
      this.#ids.set(text, id);
      this.#values.set(id, { text, value: JSON.parse(text), uses: 0 });
    }
    const kept = this.#values.get(id);
    if (kept !== undefined) kept.uses++;
    return id;
  }

  get(id: number): unknown {
    return this.#values.get(id)?.value;
  }

  release(id: number): void {
    const kept = this.#values.get(id);
    if (kept === undefined || --kept.uses > 0) return;
    this.#values.delete(id);
    this.#ids.delete(kept.text);
  }

  get size(): number {
    return this.#values.size;
  }
}

type Packed = readonly [
  uid: string,
  resourceVersion: string,
  created: string | number,
  podIp: string,
  /** Id of what it shares: labels, node, phase and the like. */
  labels: number,
  rest: number,
  deleted?: string,
  podIps?: string,
];

/** What a Pod has in common with many others, besides its labels. */
type Rest = Pick<NonNullable<Pod["spec"]>, "nodeName" | "hostNetwork"> & {
  phase?: string;
  /** By type. */
  conditions?: readonly (readonly [type: string, status: string])[];
};

/** For what {@link keptOfPod} keeps. What it makes is not to be changed: Pods share it. */
export function podPacking(): Packing<Pod> & { readonly shared: number } {
  const labelSets = new Shared();
  const rests = new Shared();
  return {
    pack: ({ metadata, spec, status }) => {
      const { uid = "", resourceVersion = "", creationTimestamp = "", deletionTimestamp, labels } = metadata;
      const conditions = status?.conditions?.map(({ type, status: is }) => [type, is] as const);
      const rest: Rest = { nodeName: spec?.nodeName, hostNetwork: spec?.hostNetwork, phase: status?.phase, conditions };
      const podIps = metadata.annotations?.[ANNOTATION_POD_IPS];
      const packed: Packed = [
        uid,
        resourceVersion,
        shortTime(creationTimestamp),
        status?.podIP ?? "",
        labelSets.keep(labels ?? null),
        rests.keep(rest),
        ...optional(deletionTimestamp, podIps),
      ];
      return JSON.stringify(packed);
    },
    unpack: (key, text) => {
      const [uid, version, created, podIP, labels, rest, deleted, podIps] = JSON.parse(text) as Packed;
      const slash = key.indexOf("/");
      const { nodeName, hostNetwork, phase, conditions } = (rests.get(rest) ?? {}) as Rest;
      return {
        metadata: {
          name: key.slice(slash + 1),
          namespace: slash < 0 ? undefined : key.slice(0, slash),
          uid: uid || undefined,
          resourceVersion: version || undefined,
          creationTimestamp: longTime(created) || undefined,
          deletionTimestamp: deleted || undefined,
          labels: (labelSets.get(labels) as ObjectMeta["labels"] | null) ?? undefined,
          annotations: podIps === undefined ? undefined : { [ANNOTATION_POD_IPS]: podIps },
        },
        spec: { nodeName, hostNetwork },
        status: {
          phase,
          podIP: podIP || undefined,
          conditions: conditions?.map(([type, is]) => ({ type, status: is })),
        },
      };
    },
    release: (text) => {
      const packed = JSON.parse(text) as Packed;
      labelSets.release(packed[4]);
      rests.release(packed[5]);
    },
    get shared() {
      return labelSets.size + rests.size;
    },
  };
}

/** Most Pods have neither. */
function optional(
  deleted: string | undefined,
  podIps: string | undefined,
): readonly [deleted?: string, podIps?: string] {
  if (podIps !== undefined) return [deleted ?? "", podIps];
  return deleted === undefined ? [] : [deleted];
}

/** Seconds since 1970 where the time comes back from them as it was; the API server writes no other. */
function shortTime(text: string): string | number {
  const seconds = Date.parse(text) / 1000;
  return longTime(seconds) === text ? seconds : text;
}

function longTime(time: string | number): string {
  if (typeof time === "string" || !Number.isInteger(time)) return String(time);
  return `${new Date(time * 1000).toISOString().slice(0, -5)}Z`;
}
