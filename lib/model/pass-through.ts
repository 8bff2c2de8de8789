// Fields of a cloud object that podpin has no word for: users give them as the object's own, podpin adds what it needs.
import type { Problems } from "./problems";

/** Fields of an object by their names. */
export type Fields = Readonly<Record<string, unknown>>;

/** Why a field is not taken, and what to do instead. */
const REFUSALS = {
  autopilot: "persistent addresses need GKE Standard, leave it out",
  dualStack: "clusters with several networks have IPv4 only, leave it out",
  managedHubble:
    "clusters with several networks cannot have managed Hubble: leave advancedDatapathObservabilityConfig.enableRelay out",
  nodePools: "node pools are resources of their own, add a PersistentIpNodePool for each",
  routesBased: "it is for clusters that are not VPC-native, use clusterIpv4CidrBlock",
  uniqueName: "the name of the component is the name, leave it out",
  workloadPool: "a project has one pool, which podpin sets, leave it out",
};
export type Refusal = keyof typeof REFUSALS;

export interface PassThrough {
  /** The argument that has them, for example `clusterArgs`. */
  readonly what: string;
  readonly given: Fields | undefined;
  /** Paths that are an argument of the component, with its name: that is where they are checked. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Paths that the component does not take at all. */
  readonly refused: Readonly<Record<string, Refusal>>;
}

/** Adds given fields to podpin's own, and reports where they contradict each other. */
export function mergeFields(own: Fields, through: PassThrough, problems: Problems): Fields {
  return merged(own, through.given ?? {}, through, "", problems);
}

function merged(own: Fields, given: Fields, through: PassThrough, prefix: string, problems: Problems): Fields {
  const result: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const path = `${prefix}${key}`;
    const instead = through.arguments[path];
    const refusal = through.refused[path];
    const ours = own[key];
    const refuse = (want: string) => problems.add(`${through.what}.${path}`, shown(value), want);
    if (instead !== undefined) refuse(`set ${instead} of the component instead`);
    else if (refusal !== undefined) refuse(REFUSALS[refusal]);
    else if (ours === undefined) result[key] = value;
    else if (isFields(ours) && isFields(value)) result[key] = merged(ours, value, through, `${path}.`, problems);
    else if (isFields(ours)) refuse("write it as an object, so that podpin can add its own fields");
    else if (ours !== value) refuse(`persistent addresses need ${JSON.stringify(ours)}: leave it out`);
  }
  return result;
}

/** An object literal; not a list, and not something of a framework such as an Output. */
function isFields(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Nothing of a framework is printed: it is not the value, and it may be secret. */
function shown(value: unknown): unknown {
  return typeof value === "object" && !isFields(value) && !Array.isArray(value) ? "a value to come" : value;
}

/** The same without the fields that are undefined, at every depth. */
export function withoutUndefined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, isFields(value) ? withoutUndefined(value) : value]),
  );
}
