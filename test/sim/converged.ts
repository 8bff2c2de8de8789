// What the cluster must look like when faults have stopped for long enough: said again here from the specification, so
// that a mistake in `decide` is not repeated in its judge.
import { ownerAck, type AddressBinding } from "../../lib/model/binding";
import { type GKEIPRoute, ReactionMode } from "../../lib/model/gke-api";
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import { UPLINK } from "../agent/memory-kernel";
import { isTrue } from "./pods";
import { ADDRESSES, type World } from "./world";

const ROUTES = ["first", "second", "rival"];

/** What is not as it must be, one sentence each. */
export function notConverged(world: World): string[] {
  const problems: string[] = [];
  const routes = ROUTES.flatMap((name) => world.routes.get(name) ?? []);
  for (const address of ADDRESSES) problems.push(...addressProblems(world, address, routes));
  for (const route of routes) problems.push(...routeProblems(world, route, routes));
  for (const node of world.nodes) {
    const held = ADDRESSES.filter((address) => holder(world, address)?.node === node.name);
    // Where packets still go, though nobody has the address, they are dropped.
    const drops = ADDRESSES.filter((address) => !held.includes(address) && world.cloud?.to(address) === node.name);
    const left = ADDRESSES.filter((address) => {
      if (held.includes(address)) return false;
      return drops.includes(address) ? serves(node.kernel, address) : hasTrace(node.kernel, address);
    });
    if (left.length > 0) problems.push(`${node.name} still has something of ${left.join()}`);
    const empty = held.length === 0 && drops.length === 0 && !hasBad(world);
    const ready = ADDRESSES.filter((address) => bindingOf(world, address)?.spec.standby?.nodeName === node.name);
    if (ready.length > 0 && !(node.kernel.rule && node.kernel.table !== undefined))
      problems.push(`${node.name} is not ready to take over ${ready.join()}`);
    if (empty && ready.length === 0 && (node.kernel.rule || node.kernel.table !== undefined))
      problems.push(`${node.name} has no address and is nobody's standby, but has a base`);
  }
  problems.push(...cloudProblems(world, routes));
  return problems;
}

/** What a cloud leads that no route has the right to. */
function cloudProblems({ cloud }: World, routes: readonly GKEIPRoute[]): string[] {
  return [...(cloud?.holdings ?? [])].flatMap(([uid, { leads }]) => {
    const route = routes.find(({ metadata }) => metadata.uid === uid);
    if (route === undefined) return [`the cloud still has something of route ${uid}, which is gone`];
    const foreign = [...leads.keys()].filter((address) => winner(address, routes) !== route);
    return foreign.map(
      (address) => `the cloud leads ${address} for route ${route.metadata.name}, which has not got it`,
    );
  });
}

/** Damping may hold back a better Pod, never the only one that can serve. */
export function keptFromServing(world: World): string[] {
  return ROUTES.flatMap((name) => world.routes.get(name) ?? []).flatMap((route) => {
    const able = eligible(world, route).filter(({ metadata, status }) => {
      return status?.podIP !== undefined && metadata.deletionTimestamp === undefined;
    });
    return asks(route).flatMap((address) => {
      const { spec } = bindingOf(world, address) ?? {};
      const owner = spec?.route.uid === route.metadata.uid ? spec?.owner : undefined;
      if (owner === undefined || able.length === 0) return [];
      const serves = eligible(world, route).some(({ metadata }) => metadata.uid === owner.podUid);
      return serves
        ? []
        : [`${address}: ${owner.podName} cannot serve, ${able[0]?.metadata.name} can, and does not get it`];
    });
  });
}

const hasBad = (world: World): boolean =>
  world.server.get(RESOURCES.addressBindings, { name: "198.51.100.99" }) !== undefined;

const asks = ({ spec }: GKEIPRoute): string[] =>
  (spec.addresses ?? []).map(({ value = "" }) => value.replace("/32", ""));

/** The route whose claim to the address wins: the oldest, then by name. */
function winner(address: string, routes: readonly GKEIPRoute[]): GKEIPRoute | undefined {
  const key = ({ metadata }: GKEIPRoute): string => `${metadata.creationTimestamp} ${metadata.name}`;
  return routes
    .filter((route) => route.metadata.deletionTimestamp === undefined && asks(route).includes(address))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))[0];
}

/** By another way than the code that is asked here. */
const SERVES: Readonly<Record<ReactionMode, (pod: Pod) => boolean>> = {
  [ReactionMode.ReadyCondition]: (pod) => isTrue(pod, "Ready"),
  [ReactionMode.Exists]: () => true,
};

function eligible(world: World, { metadata: { name }, spec }: GKEIPRoute): Pod[] {
  const wanted = world.routes.groupOf(name);
  const serves = SERVES[spec.reactionMode as ReactionMode];
  return world.pods.all().filter((pod) => pod.metadata.labels?.["component"] === wanted && serves(pod));
}

/** The Pods one of which the route must have chosen; more than one where their age is equal. */
function best(world: World, route: GKEIPRoute): Pod[] {
  const able = eligible(world, route);
  const rank = ({ metadata, spec: on, status }: Pod): string =>
    [
      status?.podIP !== undefined,
      metadata.deletionTimestamp === undefined,
      !world.machines.isCordoned(on?.nodeName ?? ""),
      metadata.creationTimestamp,
    ].join();
  const top = able.map(rank).sort().at(-1);
  return able.filter((pod) => rank(pod) === top);
}

/** The Pod that must have the address now; of several equals the one that the binding names. */
function holder(world: World, address: string): { readonly pod: Pod; readonly node: string } | undefined {
  const route = winner(
    address,
    ROUTES.flatMap((name) => world.routes.get(name) ?? []),
  );
  if (route === undefined) return undefined;
  const candidates = best(world, route);
  const named = bindingOf(world, address)?.spec.owner?.podUid;
  const pod = candidates.find(({ metadata }) => metadata.uid === named) ?? candidates[0];
  return pod && { pod, node: pod.spec?.nodeName ?? "" };
}

const bindingOf = (world: World, address: string): AddressBinding | undefined =>
  world.server.get<AddressBinding>(RESOURCES.addressBindings, { name: address });

function addressProblems(world: World, address: string, routes: readonly GKEIPRoute[]): string[] {
  const binding = bindingOf(world, address);
  const must = holder(world, address);
  const route = winner(address, routes);
  if (must === undefined) {
    const { owner, releasing } = binding?.spec ?? {};
    const fates = world.nodes.map((node) => world.segment.arrive(node, address)).filter(({ end }) => end === "pod");
    return [
      ...(route === undefined && binding !== undefined
        ? [`${address}: no route wants it, but the binding is there`]
        : []),
      ...(owner !== undefined ? [`${address}: nobody is eligible, but ${owner.podName} has it`] : []),
      ...(releasing !== undefined && binding !== undefined && route !== undefined
        ? [`${address}: still being released`]
        : []),
      ...(fates.length > 0 ? [`${address}: nobody has it, but packets reach a Pod`] : []),
    ];
  }
  const { pod, node } = must;
  const problems: string[] = [];
  const spec = binding?.spec;
  if (spec?.owner?.podUid !== pod.metadata.uid || spec?.nodeName !== node || spec.owner?.podIp !== pod.status?.podIP) {
    return [`${address}: must belong to ${pod.metadata.name} on ${node}, binding says ${JSON.stringify(spec)}`];
  }
  if (spec.releasing !== undefined)
    problems.push(`${address}: node ${spec.releasing.nodeName} is still being waited for`);
  problems.push(...standbyProblems(world, route, binding));
  const ack = binding && ownerAck(binding);
  if (ack?.state !== "Announced") problems.push(`${address}: acknowledged as ${JSON.stringify(ack)}`);
  const stale = (binding?.status?.acks ?? []).filter(
    ({ nodeName, state }) => nodeName !== node && state !== "Released" && !hasForgotten(world, nodeName),
  );
  if (stale.length > 0) problems.push(`${address}: old acknowledgements ${JSON.stringify(stale)}`);
  const answering =
    world.cloud === undefined
      ? world.segment.answering(address).map(({ name }) => name)
      : [world.cloud.to(address) ?? ""];
  if (answering.join() !== node) problems.push(`${address}: packets must go to ${node}, go to ${answering.join()}`);
  for (const client of world.segment.clients) {
    const fate = world.segment.send(client, address);
    if (fate.end !== "pod" || fate.uid !== pod.metadata.uid) {
      problems.push(
        `${address}: a client does not reach ${pod.metadata.name}: ${fate.end === "lost" ? fate.why : fate.uid}`,
      );
    }
  }
  const on = world.nodes.find(({ name }) => name === node);
  const way = on && world.segment.arrive(on, address);
  const wanted = route?.metadata.annotations?.["podpin.dev/delivery"] === "nat" ? "nat" : "route";
  if (way?.end === "pod" && way.way !== wanted) problems.push(`${address}: delivered by ${way.way}, not ${wanted}`);
  return problems;
}

/** Where Pods on other nodes could take over one of their nodes is ready for it; a Pod that could not may stand for one that can. */
function standbyProblems(world: World, route: GKEIPRoute | undefined, binding: AddressBinding | undefined): string[] {
  if (route === undefined || binding === undefined) return [];
  const { nodeName, standby, address } = binding.spec;
  const able = eligible(world, route).filter(
    ({ metadata, spec, status }) =>
      status?.podIP !== undefined &&
      metadata.deletionTimestamp === undefined &&
      spec?.nodeName !== nodeName &&
      !world.machines.isCordoned(spec?.nodeName ?? ""),
  );
  if (able.length === 0 || able.some(({ spec }) => spec?.nodeName === standby?.nodeName)) return [];
  const could = able.map(({ metadata, spec }) => `${metadata.name} on ${spec?.nodeName}`).join();
  return [`${address}: ${could} could take over, the standby is ${JSON.stringify(standby)}`];
}

/** Nobody waits for what a node said before it lost power, or for what came in late: it carries an epoch that has ended. */
const hasForgotten = (world: World, name: string): boolean =>
  world.late.has(name) || world.nodes.some((node) => node.name === name && node.boots > 1);

function routeProblems(world: World, route: GKEIPRoute, routes: readonly GKEIPRoute[]): string[] {
  const { name, deletionTimestamp, generation } = route.metadata;
  if (deletionTimestamp !== undefined) return [`route ${name}: still being deleted`];
  const won = asks(route).every((address) => winner(address, routes) === route);
  const candidates = best(world, route);
  const ready = route.status?.conditions?.find(({ type }) => type === "Ready");
  const wanted = !won ? "InvalidAddresses" : candidates.length === 0 ? "NoPodsFound" : "ProgrammingComplete";
  const says = `${ready?.status} ${ready?.reason}`;
  const problems: string[] = [];
  if (ready?.reason !== wanted || (ready.status === "True") !== (wanted === "ProgrammingComplete")) {
    problems.push(`route ${name}: must be ${wanted}, is ${says}: ${ready?.message}`);
  }
  if (ready?.observedGeneration !== generation) problems.push(`route ${name}: status is of an older generation`);
  const names = candidates.map(({ metadata }) => metadata.name);
  const said = route.status?.pods ?? [];
  const right = names.length === 0 ? said.length === 0 : said.length === 1 && names.includes(said[0] ?? "");
  if (!right) problems.push(`route ${name}: status.pods is ${said.join()}, must be one of ${names.join()}`);
  return problems;
}

const serves = ({ paths, table }: World["nodes"][number]["kernel"], address: string): boolean =>
  paths.has(address) || table?.maps.get("pip_to_pod")?.has(address) === true;

function hasTrace(
  { paths, fallbacks, proxies, table, thrown }: World["nodes"][number]["kernel"],
  address: string,
): boolean {
  if (thrown.has(address)) return true;
  const routed = paths.has(address) || fallbacks.has(address) || proxies.get(address) === "ours";
  const inSets = [...(table?.sets.values() ?? [])].some((set) => set.has(address));
  return routed || inSets || table?.maps.get("pip_to_pod")?.has(address) === true;
}

/** Whether something in the node's kernel leads out of the uplink. */
export const forwards = (world: World): boolean =>
  world.nodes.some(({ kernel }) => [...kernel.paths.values()].some(({ dev }) => dev === UPLINK));
