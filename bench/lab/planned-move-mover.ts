// Beside the API server: makes one Pod eligible for one address at a time, and watches until its node has acknowledged. In
// turns with it the floor: a watch, a write, a watch on the other node, and one `ip route` there, by hand.
import { readFileSync } from "node:fs";
import { createKube } from "../../controller-image/src/kube/kube";
import { systemClock } from "../../controller-image/src/kube/clock";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import { AckState, type AddressBinding, ownerAck } from "../../lib/model/binding";
import { type GKEIPRoute, routeCondition, RouteCondition } from "../../lib/model/gke-api";
import { type KubeObject, type Pod, RESOURCES } from "../../lib/model/kubernetes";
import { now, say, untilSeen } from "./child";

export interface MoverSettings {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly pod: { readonly name: string; readonly uid: string };
  readonly moves: readonly { readonly address: string; readonly label: string; readonly route: string }[];
  /** ConfigMap through which the floor goes. */
  readonly floor: string;
}

/** How long it took until a step of a move was seen, in milliseconds. */
export interface Steps {
  /** The route said that it is not Ready. */
  readonly told: number;
  /** The binding named its new owner. */
  readonly bound: number;
  /** Acknowledged. */
  readonly programmed: number;
  readonly announced: number;
}

/** `floor`: when it began; the other node says when it ended. */
export type Moved =
  { readonly what: "ours"; readonly steps: Steps } | { readonly what: "floor"; readonly began: number };

interface FloorMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

async function main(settings: MoverSettings): Promise<void> {
  const { namespace, pod, floor } = settings;
  const config = kubeconfigOf(JSON.parse(readFileSync(settings.kubeconfig, "utf8")));
  const kube = createKube({ config, clock: systemClock, log: () => undefined, userAgent: "podpin-bench/0" });
  const { look, until } = untilSeen();
  const bindings = kube.reflect<AddressBinding>({
    resource: RESOURCES.addressBindings,
    onChange: look,
    onSynced: look,
  });
  const routes = kube.reflect<GKEIPRoute>({
    resource: RESOURCES.gkeIpRoutes,
    namespace,
    onChange: look,
    onSynced: look,
  });
  const maps = kube.reflect<FloorMap>({
    resource: RESOURCES.configMaps,
    namespace,
    fieldSelector: `metadata.name=${floor}`,
    onChange: look,
    onSynced: look,
  });
  let asked = "";
  kube.reflect<Pod>({
    resource: RESOURCES.pods,
    namespace,
    onChange: ({ type, key, ...change }) => {
      if (type !== "set" || key !== `${namespace}/${pod.name}` || asked === "") return;
      const { object } = change as { object: Pod };
      const map = maps.get(`${namespace}/${floor}`);
      if (object.metadata.labels?.["bench/floor"] !== asked || map === undefined || map.data?.["move"] === asked)
        return;
      void kube.replace(RESOURCES.configMaps, { ...map, data: { ...map.data, move: asked } } as FloorMap);
    },
  });
  await until(() => bindings.synced && routes.synced && maps.synced);
  const label = (labels: Readonly<Record<string, string>>): Promise<Pod> =>
    kube.mergePatch<Pod>(RESOURCES.pods, { namespace, name: pod.name }, { metadata: { labels } });

  for (const [index, { address, label: name, route }] of settings.moves.entries()) {
    await label({ [name]: "yes" });
    const began = now();
    const reached = (holds: () => boolean): Promise<number> => until(holds).then(() => now() - began);
    const isBound = (): boolean => bindings.get(address)?.spec.owner?.podUid === pod.uid;
    const isAcknowledged = (...states: readonly AckState[]): boolean => {
      const binding = bindings.get(address);
      const state = isBound() && binding !== undefined ? ownerAck(binding)?.state : undefined;
      return state !== undefined && states.includes(state);
    };
    const [told, bound, programmed, announced] = await Promise.all([
      reached(() => !isReady(routes.get(`${namespace}/${route}`))),
      reached(isBound),
      reached(() => isAcknowledged(AckState.Programmed, AckState.Announced)),
      reached(() => isAcknowledged(AckState.Announced)),
    ]);
    say({ what: "ours", steps: { told, bound, programmed, announced } } satisfies Moved);

    asked = `m${index}`;
    await label({ "bench/floor": asked });
    say({ what: "floor", began: now() } satisfies Moved);
    await until(() => maps.get(`${namespace}/${floor}`)?.data?.["done"] === asked);
  }
  kube.close();
}

function isReady(route: GKEIPRoute | undefined): boolean {
  return routeCondition(route?.status?.conditions, RouteCondition.Ready)?.status === "True";
}

void main(JSON.parse(process.argv[2] ?? "{}") as MoverSettings);
