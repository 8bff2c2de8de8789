// What must hold for `decide` and `plan` whatever stands in the API: an answer always, the same one each time and in any
// order, nothing left to do once it is done, and no object that spoils another's.
import { plan, remember, isNoChange, type Plan, type PlanInput } from "../../../controller-image/src/agent/plan";
import type { KernelState } from "../../../controller-image/src/agent/state";
import {
  decide,
  finalizerChange,
  type DecideInput,
  type Decision,
} from "../../../controller-image/src/controller/decide";
import {
  decodeBinding,
  decodeClass,
  decodeGateway,
  decodeNetwork,
  decodeRoute,
} from "../../../controller-image/src/controller/decoders";
import {
  isNodeReady,
  nodeAddress,
  projectNamespace,
  projectNode,
  projectPod,
} from "../../../controller-image/src/controller/projections";
import { acceptRoute, type ClusterView } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import { ROUTE_FINALIZER, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { KubeObject, Pod } from "../../../lib/model/kubernetes";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "../../agent/memory-kernel";
import { FUZZ_NODE, type ObjectSet, objectSet } from "./objects";

const NOW = "2026-03-01T00:00:00Z";

/** Throws what does not hold for the object set of this number. */
export function checkSet(seed: number): void {
  const set = objectSet(seed);
  if (seed % 2 === 0) checkDecide(set);
  else checkPlan(set);
}

function must(holds: boolean, law: string, ...shown: readonly unknown[]): void {
  if (!holds) throw new Error([law, ...shown.map((value) => JSON.stringify(value, mapsToo))].join("\n  "));
}

const mapsToo = (_key: string, value: unknown): unknown =>
  value instanceof Map
    ? [...(value as Map<string, unknown>)]
    : value instanceof Set
      ? [...(value as Set<unknown>)]
      : value;

const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left, mapsToo) === JSON.stringify(right, mapsToo);

/** As the reflector does it: what cannot be read is left out. */
function readable<T extends KubeObject>(objects: readonly unknown[], decode: (object: T) => T): T[] {
  return objects.flatMap((object) => {
    if (typeof (object as Partial<T> | null)?.metadata?.name !== "string") return [];
    try {
      return [decode(object as T)];
    } catch {
      return [];
    }
  });
}

function viewOf(set: ObjectSet): ClusterView {
  const byName = <T extends KubeObject>(objects: readonly T[]) =>
    new Map(objects.map((one) => [one.metadata.name, one]));
  const classes = byName(readable(set.classes, decodeClass));
  const gateways = byName(readable(set.gateways, decodeGateway));
  const networks = byName(readable(set.networks, decodeNetwork));
  const namespaces = byName(readable(set.namespaces, projectNamespace));
  return {
    cloud: false,
    gatewayClass: (name) => classes.get(name),
    gateway: (_namespace, name) => gateways.get(name),
    network: (name) => networks.get(name),
    namespaceLabels: (name) => {
      const found = namespaces.get(name);
      return found && (found.metadata.labels ?? {});
    },
  };
}

function checkDecide(set: ObjectSet): void {
  const [route] = readable<GKEIPRoute>([set.route], decodeRoute);
  if (route === undefined) return;
  const view = viewOf(set);
  const nodes = new Map(readable(set.nodes, projectNode).map((node) => [node.metadata.name, node]));
  const pods = readable<Pod>(set.pods, projectPod).filter((pod) => pod.metadata.namespace === route.metadata.namespace);
  const bindings = readable<AddressBinding>(set.bindings, decodeBinding);
  const deleted = readable<AddressBinding>(set.deleted, decodeBinding);
  const inputOf = (now: GKEIPRoute, its: readonly Pod[], those: readonly AddressBinding[]): DecideInput => ({
    route: now,
    verdict: acceptRoute(now, view),
    rivals: set.rivals,
    pods: its,
    bindings: those,
    node: (name) => {
      const node = nodes.get(name);
      if (node === undefined) return undefined;
      const ready = isNodeReady(node);
      const lost = set.now % 7 === 0 && name === FUZZ_NODE;
      return {
        address: nodeAddress(node) ?? "",
        ready,
        unreadyMs: ready ? 0 : set.now,
        lost,
        heard: !lost && set.now % 2 === 0,
        cordoned: node.spec?.unschedulable === true,
      };
    },
    former: (address) => deleted.find(({ spec }) => spec.address === address),
    waitedMs: () => set.now,
    now: NOW,
  });
  const decision = decide(inputOf(route, pods, bindings));
  const turned = decide(inputOf(route, [...pods].reverse(), [...bindings].reverse()));
  must(same(ordered(decision), ordered(turned)), "the order of the objects shows", decision, turned);
  if (set.garbage.length > 0) {
    const more = readable<Pod>(set.garbage, projectPod);
    const spoiled = decide(inputOf(route, [...more, ...pods], bindings));
    must(same(decision, spoiled), "an object without meaning changes the decision", decision, spoiled);
  }
  for (const { verb, binding } of decision.changes) {
    const before = bindings.find(({ spec }) => spec.address === binding.spec.address);
    must(verb === "create" || binding.spec.epoch >= (before?.spec.epoch ?? 0), "an epoch falls", before, binding);
  }
  if (set.seed % 8 === 0) checkRest(inputOf, route, pods, bindings);
}

/** Carried out a few times, while nobody acknowledges anything, it leaves nothing to do. */
function checkRest(
  inputOf: (route: GKEIPRoute, pods: readonly Pod[], bindings: readonly AddressBinding[]) => DecideInput,
  route: GKEIPRoute,
  pods: readonly Pod[],
  given: readonly AddressBinding[],
): void {
  let now = route;
  let bindings = given;
  for (let round = 0; round < 6; round++) {
    const decision = decide(inputOf(now, pods, bindings));
    const finalizer = finalizerChange(now, decision);
    if (decision.changes.length === 0 && decision.status === undefined && finalizer === undefined) return;
    const changed = new Map(decision.changes.map((change) => [change.binding.spec.address, change]));
    const kept = bindings.flatMap((binding) => {
      const change = changed.get(binding.spec.address);
      changed.delete(binding.spec.address);
      return change === undefined ? [binding] : change.verb === "delete" ? [] : [change.binding];
    });
    bindings = [...kept, ...[...changed.values()].flatMap(({ verb, binding }) => (verb === "delete" ? [] : [binding]))];
    const others = (now.metadata.finalizers ?? []).filter((name) => name !== ROUTE_FINALIZER);
    const finalizers =
      finalizer === undefined ? now.metadata.finalizers : finalizer ? [...others, ROUTE_FINALIZER] : others;
    now = { ...now, metadata: { ...now.metadata, finalizers }, status: decision.status ?? now.status };
  }
  must(false, "it never comes to rest", decide(inputOf(now, pods, bindings)));
}

const ordered = ({ changes, ...rest }: Decision): unknown => ({
  ...rest,
  changes: [...changes].sort((a, b) => (a.binding.spec.address < b.binding.spec.address ? -1 : 1)),
});

function checkPlan(set: ObjectSet): void {
  const kernel = kernelOf();
  const objects = set.bindings as unknown as AddressBinding[];
  const garbage = set.garbage as AddressBinding[];
  const inputOf = (all: readonly AddressBinding[], state: KernelState, memory: PlanInput["memory"]): PlanInput => ({
    nodeName: FUZZ_NODE,
    nodeIp: "172.30.0.11",
    uplink: UPLINK,
    delivering: all.filter((one) => one?.spec?.nodeName === FUZZ_NODE),
    releasing: all.filter((one) => one?.spec?.releasing?.nodeName === FUZZ_NODE),
    standby: set.seed % 6 === 0 ? "unknown" : all.filter((one) => one?.spec?.standby?.nodeName === FUZZ_NODE),
    evidence: new Map(set.seed % 3 === 0 ? objects.slice(0, 1).map((one) => [String(one?.metadata?.name), one]) : []),
    synced: set.seed % 5 > 0,
    clusterCidrs: set.seed % 4 === 0 ? undefined : ["10.244.0.0/16", "172.30.0.12/32"],
    kernel: state,
    memory,
    isolated: set.seed % 11 === 0,
    now: set.now,
  });
  const state = kernel.state();
  const input = inputOf(objects, state, new Map());
  const made = plan(input);
  must(
    same(shown(made), shown(plan(inputOf([...objects].reverse(), state, new Map())))),
    "the order of the bindings shows",
    made,
  );
  if (garbage.length > 0) {
    const spoiled = plan({
      ...input,
      delivering: [...garbage, ...input.delivering],
      releasing: [...input.releasing, ...garbage],
      standby: input.standby === "unknown" ? "unknown" : [...garbage, ...(input.standby ?? [])],
    });
    const names = new Set(objects.map((one) => String(one?.metadata?.name)));
    const mine = ({ changes }: Plan) => changes.steps.filter(({ address }) => names.has(address));
    must(
      same(mine(made), mine(spoiled)),
      "a garbled binding changes what becomes of another",
      mine(made),
      mine(spoiled),
    );
  }
  for (const { routes, elements, proxies } of made.changes.steps) {
    for (const line of [...routes, ...elements.add, ...elements.remove, ...proxies]) {
      must(/^[a-z][a-z0-9 ./:{}_"-]*$/.test(line), "foreign text in a command", line);
    }
  }
  const failed = kernel.carryOut(made.changes);
  const memory = remember(input, made, failed);
  const again = plan(inputOf(objects, kernel.state(), memory));
  must(isNoChange(again.changes), "a second plan has something to do", made.changes, again.changes);
}

const shown = ({ changes, announce, silence, inquire, outcomes }: Plan): unknown => ({
  changes,
  announce,
  silence,
  inquire,
  outcomes,
});

function kernelOf(): MemoryKernel {
  const kernel = new MemoryKernel();
  for (const last of [5, 6, 7]) kernel.hops.set(`10.244.1.${last}`, podHop(`veth${last}`, last));
  kernel.hops.set("10.244.2.5", { ...segmentHop, gateway: "172.30.0.12" });
  kernel.hops.set("172.30.0.12", segmentHop);
  kernel.hops.set("172.30.0.11", { dev: "lo", ifindex: 1, kind: "", local: true });
  return kernel;
}
