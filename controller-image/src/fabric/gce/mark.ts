// Whose a resource is: JSON in its description, which is there from the moment that the resource is. Labels would come in a
// second call that may never be made. What bears no mark of this cluster is somebody else's and is never touched.
import type { ComputeResource } from "./compute";

export interface Mark {
  /** UID of the cluster. */
  readonly cluster: string;
  /** Namespace and name of the route, for people; absent on what several routes share. */
  readonly route?: string;
  /** UID of the route. */
  readonly uid?: string;
  /** The epochs that the leader was set for, by address. */
  readonly epochs?: Readonly<Record<string, number>>;
  /**
   * Instances that were attached when this was written, by zone. A hint: it spares a restart one call for each route, and is
   * believed only as far as the size of the group agrees.
   */
  readonly attached?: Readonly<Record<string, readonly string[]>>;
}

const OWNER = "podpin.dev";

/** Compute takes descriptions of 2048 characters. */
const LONGEST_DESCRIPTION = 2048;

/** The description of a resource; the hint is left out where it would be too long. */
export function markText(mark: Mark): string {
  const { attached, ...rest } = mark;
  const short = JSON.stringify({ owner: OWNER, ...rest });
  const full = attached === undefined ? short : JSON.stringify({ owner: OWNER, ...rest, attached });
  return full.length <= LONGEST_DESCRIPTION ? full : short;
}

/** Undefined when it is not this cluster's. */
export function markOf(resource: ComputeResource, clusterUid: string): Mark | undefined {
  const value = parsed(resource.description);
  if (value?.owner !== OWNER || value.cluster !== clusterUid) return undefined;
  const { route, uid, epochs, attached } = value;
  return {
    cluster: clusterUid,
    ...(typeof route === "string" && { route }),
    ...(typeof uid === "string" && { uid }),
    ...(isRecord(epochs) && { epochs: entriesOf(epochs, (epoch) => typeof epoch === "number") }),
    ...(isRecord(attached) && { attached: entriesOf(attached, isNames) }),
  };
}

function parsed(description: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (description?.startsWith("{") !== true) return undefined;
  try {
    const value: unknown = JSON.parse(description);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** The entries that are as they should be: a mark that people have edited must not stop a route. */
function entriesOf<T>(record: Readonly<Record<string, unknown>>, is: (value: unknown) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => is(value))) as Record<string, T>;
}
