// An item of a list or a watch as it came, and what is kept of it.
import type { KubeObject, ObjectMeta } from "../../../lib/model/kubernetes";
import type { ReflectorOptions } from "./api";
import { readObjectMeta } from "./kubernetes-protobuf";
import { SharedStrings } from "./shared-strings";

export interface Raw<T> {
  /** Absent where it is no object, or has no name. */
  readonly metadata?: ObjectMeta;
  /** What is kept of it; throws where it cannot be read. */
  readonly whole: () => T;
}

type Reading<T extends KubeObject> = Pick<ReflectorOptions<T>, "project" | "decode" | "packing">;

/** Of all that this process holds. */
const STRINGS = new SharedStrings();

export function rawOf<T extends KubeObject>(item: unknown, reading: Reading<T>): Raw<T> {
  return Buffer.isBuffer(item) ? fromProtobuf(item, reading) : fromJson(item as T, reading);
}

function fromJson<T extends KubeObject>(given: T, { project, packing }: Reading<T>): Raw<T> {
  const named = (given as Partial<T> | null)?.metadata;
  if (typeof named?.name !== "string") return { whole: () => given };
  // Written by the server for the server, and often larger than all the rest. In a copy without it, as an object of which something was
  // deleted takes three times the memory.
  const { managedFields: _unread, ...metadata } = named as T["metadata"] & { readonly managedFields?: unknown };
  const raw: T = { ...given, metadata };
  const whole = (): T => {
    const object = project?.(raw) ?? raw;
    if (packing === undefined) STRINGS.shareIn(object);
    return object;
  };
  return { metadata, whole };
}

function fromProtobuf<T extends KubeObject>(bytes: Buffer, { decode }: Reading<T>): Raw<T> {
  const whole = (): T => {
    if (decode === undefined) throw new Error("nobody asked for protobuf");
    return decode(bytes);
  };
  try {
    const object = whole();
    return { metadata: object.metadata.name === "" ? undefined : object.metadata, whole: () => object };
  } catch {
    // What is wrong may be anywhere in it: if at least its name can be read, what is known of it stays.
    try {
      const metadata = readObjectMeta(bytes);
      return { metadata: metadata.name === "" ? undefined : metadata, whole };
    } catch {
      return { whole };
    }
  }
}
