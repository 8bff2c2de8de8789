// How Kubernetes wraps its objects in protobuf: the envelope, lists, frames of a watch, and the metadata that all share.
// Field numbers are those of k8s.io/apimachinery (`runtime/generated.proto`, `apis/meta/v1/generated.proto`).
import type { ObjectMeta } from "../../../lib/model/kubernetes";
import { Message, ProtobufError } from "./protobuf";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** Before every object that is not inside another one. */
const MAGIC = Buffer.from("k8s\0", "latin1");

/** An object's own bytes, out of `runtime.Unknown`. */
export function unwrapped(envelope: Buffer): Buffer {
  if (!envelope.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ProtobufError("the answer does not begin as protobuf");
  const unknown = new Message(envelope, MAGIC.length);
  let raw: Buffer | undefined;
  while (unknown.next()) if (unknown.field === 2) raw = unknown.bytes();
  // Everything of the object may be at its default: nothing is written then.
  return raw ?? Buffer.alloc(0);
}

export interface ListBytes {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly items: readonly Buffer[];
}

/** Any list: they all keep their metadata in field 1 and their items in field 2. */
export function readList(envelope: Buffer): ListBytes {
  const list = new Message(unwrapped(envelope));
  const items: Buffer[] = [];
  let resourceVersion: string | undefined;
  let more: string | undefined;
  while (list.next()) {
    if (list.field === 2) items.push(list.bytes());
    else if (list.field === 1) {
      const meta = list.message();
      while (meta.next()) {
        if (meta.field === 2) resourceVersion = meta.string();
        else if (meta.field === 3) more = meta.string();
      }
    }
  }
  return { resourceVersion, continue: more, items };
}

export interface EventBytes {
  readonly type: string;
  /** The object's own bytes. */
  readonly object: Buffer;
}

/** `metav1.WatchEvent`: its object is in an envelope of its own. */
export function readEvent(frame: Buffer): EventBytes {
  const event = new Message(frame);
  let type = "";
  let object: Buffer = Buffer.alloc(0);
  while (event.next()) {
    if (event.field === 1) type = event.string();
    else if (event.field === 2) {
      const extension = event.message();
      while (extension.next()) if (extension.field === 1) object = unwrapped(extension.bytes());
    }
  }
  return { type, object };
}

/** `metav1.ObjectMeta`, as far as anything here reads it. */
export function readMeta(meta: Message): ObjectMeta {
  const read: { -readonly [Field in keyof ObjectMeta]: ObjectMeta[Field] } = { name: "" };
  while (meta.next()) {
    switch (meta.field) {
      case 1:
        read.name = meta.string();
        break;
      case 3:
        read.namespace = meta.string() || undefined;
        break;
      case 5:
        read.uid = meta.string();
        break;
      case 6:
        read.resourceVersion = meta.string();
        break;
      case 7:
        read.generation = meta.number();
        break;
      case 8:
        read.creationTimestamp = readTime(meta.message());
        break;
      case 9:
        read.deletionTimestamp = readTime(meta.message());
        break;
      case 11:
        read.labels = withEntry(read.labels, meta.message());
        break;
      case 12:
        read.annotations = withEntry(read.annotations, meta.message());
        break;
    }
  }
  return read;
}

/** The metadata of an object: field 1 of every kind. */
export function readObjectMeta(object: Buffer): ObjectMeta {
  const message = new Message(object);
  while (message.next()) if (message.field === 1) return readMeta(message.message());
  return { name: "" };
}

/** Seconds since 1970, as the API server writes them in JSON. */
function readTime(time: Message): string | undefined {
  let seconds: number | undefined;
  while (time.next()) if (time.field === 1) seconds = time.number();
  if (seconds === undefined) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new ProtobufError(`${seconds} seconds is no time`);
  return `${date.toISOString().slice(0, -5)}Z`;
}

function withEntry(map: Readonly<Record<string, string>> | undefined, entry: Message): Record<string, string> {
  let key = "";
  let value = "";
  while (entry.next()) {
    if (entry.field === 1) key = entry.string();
    else if (entry.field === 2) value = entry.string();
  }
  const read = (map ?? {}) as Record<string, string>;
  // A label may have this name, too; assigned it would be lost. To define every label was the costliest part of reading a Pod.
  if (key === "__proto__")
    Object.defineProperty(read, key, { value, enumerable: true, configurable: true, writable: true });
  else read[key] = value;
  return read;
}

/** `metav1.Status`, in the shape that its JSON has. */
export function readStatus(object: Buffer): object {
  const status = new Message(object);
  const read: { message?: string; reason?: string; code?: number; details?: object } = {};
  while (status.next()) {
    if (status.field === 3) read.message = status.string();
    else if (status.field === 4) read.reason = status.string();
    else if (status.field === 5) read.details = readDetails(status.message());
    else if (status.field === 6) read.code = status.number();
  }
  return read;
}

function readDetails(details: Message): object {
  const causes: { reason?: string; message?: string }[] = [];
  let retryAfterSeconds: number | undefined;
  while (details.next()) {
    if (details.field === 4) {
      const cause: { reason?: string; message?: string } = {};
      const message = details.message();
      while (message.next()) {
        if (message.field === 1) cause.reason = message.string();
        else if (message.field === 2) cause.message = message.string();
      }
      causes.push(cause);
    } else if (details.field === 5) retryAfterSeconds = details.number();
  }
  return { causes, retryAfterSeconds };
}
