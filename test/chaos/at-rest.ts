// Invariant 9: once nothing is broken any more every route reaches its state in bounded time, and then nothing is written.
import { now } from "../../bench/lab/child";
import type { Pod } from "../../lib/model/kubernetes";
import { PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { isReady, type Observer } from "./observer";
import { ADDRESSES, ALL_ADDRESSES, POD_NAMES, ROUTE_NAMES, type RouteName, type Setting } from "./setting";

/** Kubelets and the back-off of what was killed come first. */
const PODS_WITHIN_MS = 240_000;
/** 60 s at most are moves damped (docs/moves.md). */
const ROUTES_WITHIN_MS = 120_000;
const QUIET_WITHIN_MS = 60_000;
const QUIET_MS = 8_000;
const FRESH_MS = 4_000;
const POLL_MS = 250;

export interface Watched {
  readonly observer: Observer;
  tell(text: string): void;
  violation(subject: string, text: string): void;
}

export async function atRest(setting: Setting, { observer, tell, violation }: Watched): Promise<void> {
  const reached = async (what: string, ms: number, missing: () => Promise<string | undefined>): Promise<number> => {
    const began = now();
    for (;;) {
      const text = await missing().catch((error: Error) => error.message);
      const took = now() - began;
      if (text === undefined) return took / 1000;
      if (took > ms) {
        violation(what, `not so after ${ms / 1000} s: ${text}`);
        return took / 1000;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const pods = await reached("every Pod runs", PODS_WITHIN_MS, async () => {
    const ready = [...observer.pods.values()].filter(isReady);
    if (ready.length < POD_NAMES.length) return `${ready.length} Pods are Ready`;
    const runtime = await setting.cluster.list<Pod>("pods", "-n", PODPIN_NAMESPACE);
    const waiting = runtime.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name);
    return waiting.length > 0 ? `not Ready: ${waiting.join(", ")}` : undefined;
  });
  const routes = await reached("every route is served", ROUTES_WITHIN_MS, async () => {
    const found = ROUTE_NAMES.flatMap((name) => trouble(name, observer));
    return found.length > 0 ? found.join("; ") : undefined;
  });
  const kernels = await reached("one node alone speaks for each address", ROUTES_WITHIN_MS, async () => {
    const found = await speakers(setting, observer);
    return found.length > 0 ? found.join("; ") : undefined;
  });
  const since = now();
  await reached("nothing is written any more", QUIET_WITHIN_MS, async () => {
    const quiet = now() - Math.max(observer.wrote.at, since);
    return quiet < QUIET_MS ? `${Math.round(quiet)} ms ago: ${observer.wrote.what}` : undefined;
  });
  tell(
    `at rest: Pods ran after ${pods.toFixed(1)} s, routes were served ${routes.toFixed(1)} s and kernels right ${kernels.toFixed(1)} s later`,
  );
}

function trouble(name: RouteName, observer: Observer): string[] {
  const route = observer.routes.get(name);
  const ready = route?.status?.conditions?.find(({ type }) => type === "Ready");
  if (route === undefined || ready === undefined) return [`route ${name} has no condition Ready`];
  if (ready.status !== "True" || ready.observedGeneration !== route.metadata.generation) {
    return [`route ${name}: ${ready.status} ${ready.message}`];
  }
  const eligible = [...observer.pods.values()].filter((pod) => isReady(pod) && pod.metadata.labels?.[name] === "yes");
  const born = ({ metadata }: Pod): string => metadata.creationTimestamp ?? "";
  const newest = eligible.map(born).sort().at(-1);
  const best = eligible.filter((pod) => born(pod) === newest);
  return ADDRESSES[name].flatMap((address) => {
    const { spec, status } = observer.owners.binding(address) ?? {};
    const pod = best.find(({ metadata }) => metadata.uid === spec?.owner?.podUid);
    const names = best.map(({ metadata }) => metadata.name).join(" or ");
    if (pod === undefined) return [`${address}: ${spec?.owner?.podName ?? "nobody"} has it, and ${names} should`];
    if (spec?.releasing !== undefined) return [`${address}: ${spec.releasing.nodeName} has not let go`];
    const ack = status?.acks?.find(({ nodeName }) => nodeName === spec?.nodeName);
    if (ack?.state !== "Announced" || ack.epoch !== spec?.epoch) return [`${address}: is not announced`];
    const last = observer.last.get(address);
    if (last === undefined || last.at < now() - FRESH_MS) return [`${address}: nobody answers`];
    const uid = observer.uidOf(last.by);
    return uid === pod.metadata.uid ? [] : [`${address}: ${last.by} answers, and not ${pod.metadata.name}`];
  });
}

/** What the nodes' kernels are set to, asked with their own tools. */
async function speakers({ lab }: Setting, observer: Observer): Promise<string[]> {
  const tables = await Promise.all(lab.nodes.map((node) => node.exec(["ip", "neigh", "show", "proxy"])));
  return ALL_ADDRESSES.flatMap((address) => {
    const found = lab.nodes.filter((_, index) => tables[index]?.stdout.includes(`${address} `));
    const names = found.map(({ name }) => name).join(" and ");
    const owner = observer.owners.binding(address)?.spec.nodeName;
    return names === owner ? [] : [`${address}: ${names || "no node"} would answer ARP, and ${owner ?? "none"} should`];
  });
}
