// What the controller reads of the cluster's objects has the types that it expects, or the object is left out: schemas see
// to that, but a definition may be another version's, or somebody else's, and one object must never stop the others.
import type { AddressBinding } from "../../../lib/model/binding";
import type { Gateway, GatewayClass, GKEIPRoute, GKENetworkParamSet, Network } from "../../../lib/model/gke-api";
import type { Namespace, Node, Pod } from "../../../lib/model/kubernetes";

/** What a value may be. Fields that are not named may be anything; a field may be missing unless it is needed. */
type Shape =
  | "text"
  | "number"
  | "flag"
  | { readonly list: Shape; /** Entries that are something else are left out. */ readonly lenient?: true }
  | { readonly map: Shape }
  | {
      readonly fields: Readonly<Record<string, Shape>>;
      readonly needs?: readonly string[];
      /** Fields without which the rest still says something. */
      readonly spare?: readonly string[];
    };

type Json = Readonly<Record<string, unknown>>;

class WrongShape extends Error {}

const TYPES = { text: "string", number: "number", flag: "boolean" } as const;

/** The value without what is null; the very same one where there is none. */
function read(value: unknown, shape: Shape, path: string): unknown {
  if (typeof shape === "string") {
    if (typeof value !== TYPES[shape]) throw wrong(path, value, shape === "flag" ? "true or false" : `a ${shape}`);
    return value;
  }
  if ("list" in shape) {
    if (!Array.isArray(value)) throw wrong(path, value, "a list");
    return readList(value, shape, path);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(path, value, "an object");
  const fields = "map" in shape ? Object.keys(value) : Object.keys(shape.fields);
  let result = value as Json;
  for (const name of fields) {
    const before = Object.hasOwn(value, name) ? (value as Json)[name] : undefined;
    const after = readField(before, name, shape, path);
    if (after !== before) result = withField(result, name, after);
  }
  return result;
}

function readField(value: unknown, name: string, shape: Exclude<Shape, string>, path: string): unknown {
  const at = path === "" ? name : `${path}.${name}`;
  if (value === undefined || value === null) {
    if ("fields" in shape && shape.needs?.includes(name) === true) throw wrong(at, value, "there");
    return undefined;
  }
  const inner = "map" in shape ? shape.map : "fields" in shape ? shape.fields[name] : undefined;
  if (inner === undefined) return value;
  try {
    return read(value, inner, at);
  } catch (error) {
    if (error instanceof WrongShape && "fields" in shape && shape.spare?.includes(name) === true) return undefined;
    throw error;
  }
}

function withField(object: Json, name: string, value: unknown): Json {
  const { [name]: _before, ...rest } = object;
  return value === undefined ? rest : { ...rest, [name]: value };
}

function readList(values: readonly unknown[], shape: { readonly list: Shape; readonly lenient?: true }, path: string) {
  let changed = false;
  const result = values.flatMap((value, i) => {
    try {
      const after = read(value, shape.list, `${path}[${i}]`);
      changed ||= after !== value;
      return [after];
    } catch (error) {
      if (!(error instanceof WrongShape) || shape.lenient !== true) throw error;
      changed = true;
      return [];
    }
  });
  return changed ? result : values;
}

const wrong = (path: string, got: unknown, want: string): WrongShape =>
  new WrongShape(
    `${path}: got ${got === undefined ? "nothing" : (JSON.stringify(got) ?? String(got)).slice(0, 100)}; it must be ${want}`,
  );

const texts: Shape = { list: "text" };
const fields = (all: Readonly<Record<string, Shape>>, ...needs: readonly string[]): Shape => ({ fields: all, needs });

const METADATA = fields(
  {
    name: "text",
    namespace: "text",
    uid: "text",
    resourceVersion: "text",
    generation: "number",
    creationTimestamp: "text",
    deletionTimestamp: "text",
    labels: { map: "text" },
    annotations: { map: "text" },
    finalizers: texts,
  },
  "name",
);
const CONDITIONS: Shape = { list: fields({ type: "text", status: "text" }, "type", "status"), lenient: true };
const SELECTOR = fields({
  matchLabels: { map: "text" },
  matchExpressions: { list: fields({ key: "text", operator: "text", values: texts }, "key", "operator") },
});
const ADDRESSES: Shape = { list: fields({ type: "text", value: "text" }) };
const PARENT = fields(
  { group: "text", kind: "text", name: "text", namespace: "text", sectionName: "text", port: "number" },
  "name",
);
const LISTENER = fields(
  {
    name: "text",
    port: "number",
    protocol: "text",
    allowedRoutes: fields({
      namespaces: fields({ from: "text", selector: SELECTOR }),
      kinds: { list: fields({ group: "text", kind: "text" }, "kind") },
    }),
  },
  "name",
);
const ACK = fields(
  { nodeName: "text", epoch: "number", podUid: "text", state: "text", reason: "text", message: "text" },
  "nodeName",
  "epoch",
  "podUid",
  "state",
);

/** An object of metadata, a spec that must be right, and a status of which the rest does not depend. */
function decoder<T>(spec: Shape, status: Shape, options: { readonly needsSpec: boolean }): (object: T) => T {
  const shape: Shape = {
    fields: { metadata: METADATA, spec, status },
    needs: ["metadata", ...(options.needsSpec ? ["spec"] : [])],
    spare: ["status"],
  };
  return (object) => read(object, shape, "") as T;
}

const CONDITIONS_ONLY = fields({ conditions: CONDITIONS });

export const decodeClass = decoder<GatewayClass>(
  fields({ controllerName: "text" }, "controllerName"),
  fields({ conditions: CONDITIONS }),
  { needsSpec: true },
);

export const decodeGateway = decoder<Gateway>(
  fields({ gatewayClassName: "text", addresses: ADDRESSES, listeners: { list: LISTENER } }, "gatewayClassName"),
  fields({
    addresses: ADDRESSES,
    conditions: CONDITIONS,
    listeners: { list: fields({ name: "text", conditions: CONDITIONS }, "name"), lenient: true },
  }),
  { needsSpec: true },
);

export const decodeRoute = decoder<GKEIPRoute>(
  fields({
    parentRefs: { list: PARENT },
    addresses: ADDRESSES,
    network: "text",
    podSelector: SELECTOR,
    reactionMode: "text",
    allowGlobalAccess: "flag",
  }),
  fields({ pods: texts, conditions: CONDITIONS }),
  { needsSpec: true },
);

export const decodeNetwork = decoder<Network>(
  {
    fields: { type: "text", parametersRef: fields({ group: "text", kind: "text", name: "text" }, "name") },
    spare: ["parametersRef"],
  },
  CONDITIONS_ONLY,
  { needsSpec: false },
);

export const decodeNetworkParams = decoder<GKENetworkParamSet>(fields({ vpc: "text", vpcSubnet: "text" }), fields({}), {
  needsSpec: false,
});

export const decodeNamespace = decoder<Namespace>(fields({}), fields({}), { needsSpec: false });

export const decodeNode = decoder<Node>(
  fields({
    providerID: "text",
    podCIDRs: texts,
    unschedulable: "flag",
    taints: { list: fields({ key: "text" }, "key"), lenient: true },
  }),
  fields({
    addresses: { list: fields({ type: "text", address: "text" }, "type", "address"), lenient: true },
    conditions: CONDITIONS,
  }),
  { needsSpec: false },
);

/** Of a Pod whose fields came as JSON; the other form has its types by itself. */
export const decodeJsonPod = decoder<Pod>(
  fields({
    nodeName: "text",
    hostNetwork: "flag",
    readinessGates: { list: fields({ conditionType: "text" }, "conditionType") },
  }),
  fields({
    phase: "text",
    podIP: "text",
    podIPs: { list: fields({ ip: "text" }), lenient: true },
    conditions: CONDITIONS,
  }),
  { needsSpec: false },
);

const POD = { podName: "text", podUid: "text", podIp: "text" } as const;

const decodeNamedBinding = decoder<AddressBinding>(
  {
    fields: {
      address: "text",
      epoch: "number",
      route: fields({ namespace: "text", name: "text", uid: "text" }, "namespace", "name", "uid"),
      nodeName: "text",
      owner: fields(POD, "podName", "podUid", "podIp"),
      releasing: fields(
        { nodeName: "text", epoch: "number", forwardTo: "text", wait: "flag" },
        "nodeName",
        "epoch",
        "forwardTo",
        "wait",
      ),
      standby: fields({ nodeName: "text", ...POD }, "nodeName", "podName", "podUid", "podIp"),
      delivery: "text",
      fabric: "text",
      network: "text",
      led: fields({ nodeName: "text", epoch: "number" }, "nodeName", "epoch"),
    },
    needs: ["address", "epoch", "route", "nodeName", "delivery", "fabric", "network"],
    // Where the cloud takes the packets is read back again and again; who could take over is chosen anew.
    spare: ["led", "standby"],
  },
  fields({ acks: { list: ACK, lenient: true } }),
  { needsSpec: true },
);

/** What is written of an address counts only in the object that has its name: another one is nobody's, and agents refuse it. */
export function decodeBinding(object: AddressBinding): AddressBinding {
  const binding = decodeNamedBinding(object);
  const { metadata, spec } = binding;
  if (spec.address === metadata.name) return binding;
  throw new Error(
    `spec.address: got ${JSON.stringify(spec.address)}; it must be the name, ${JSON.stringify(metadata.name)}`,
  );
}
