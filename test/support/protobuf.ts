// Writes protobuf, for tests that feed it to the reader: what a Kubernetes API server would send.
import type { Pod } from "../../lib/model/kubernetes";

export type Field = readonly [number, number | string | Buffer];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 0x80;
    rest = Math.floor(rest / 0x80);
    bytes.push(rest > 0 ? low + 0x80 : low);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === "number") return [varint(field * 8), varint(value)];
      const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
      return [varint(field * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

const optional = (field: number, value: string | undefined): Field[] => (value === undefined ? [] : [[field, value]]);
const time = (field: number, text: string | undefined): Field[] =>
  text === undefined ? [] : [[field, message([1, Date.parse(text) / 1000])]];
const map = (field: number, entries: Readonly<Record<string, string>> = {}): Field[] =>
  Object.entries(entries).map(([key, value]) => [field, message([1, key], [2, value])]);

export function metaBytes(meta: Pod["metadata"]): Buffer {
  return message(
    [1, meta.name],
    ...optional(3, meta.namespace),
    ...optional(5, meta.uid),
    ...optional(6, meta.resourceVersion),
    ...time(8, meta.creationTimestamp),
    ...time(9, meta.deletionTimestamp),
    ...map(11, meta.labels),
    ...map(12, meta.annotations),
    // managedFields: passed over.
    [17, message([1, "kubectl"], [7, message([1, "{}"])])],
  );
}

export function podBytes({ metadata, spec, status }: Pod): Buffer {
  const podIPs = (status?.podIPs ?? []).map(({ ip = "" }): Field => [12, message([1, ip])]);
  const conditions = (status?.conditions ?? []).map(({ type, status: is }): Field => [2, message([1, type], [2, is])]);
  return message(
    [1, metaBytes(metadata)],
    [
      2,
      message(
        [2, message([1, "app"], [2, "image"])],
        ...optional(10, spec?.nodeName),
        [11, spec?.hostNetwork ? 1 : 0],
        ...(spec?.readinessGates ?? []).map(({ conditionType }): Field => [28, message([1, conditionType])]),
      ),
    ],
    [3, message(...optional(1, status?.phase), ...conditions, ...optional(6, status?.podIP), ...podIPs)],
  );
}

export function envelope(object: Buffer, kind = "Pod"): Buffer {
  const unknown = message([1, message([1, "v1"], [2, kind])], [2, object], [3, ""], [4, ""]);
  return Buffer.concat([Buffer.from("k8s\0"), unknown]);
}

export function listBytes(resourceVersion: string, items: readonly Buffer[], more = ""): Buffer {
  return envelope(
    message([1, message([2, resourceVersion], [3, more])], ...items.map((item): Field => [2, item])),
    "PodList",
  );
}

/** A frame of a watch. */
export function eventBytes(type: string, object: Buffer, kind = "Pod"): Buffer {
  const event = message([1, type], [2, message([1, envelope(object, kind)])]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

export function statusBytes(code: number, reason: string, text: string): Buffer {
  return message([2, "Failure"], [3, text], [4, reason], [6, code]);
}
