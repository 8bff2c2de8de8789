// Beside the API server of P6: fills it, stands in for the agents, and does what the bench asks for.
import { readFileSync } from "node:fs";
import { createKube } from "../../controller-image/src/kube/kube";
import { KubeError } from "../../controller-image/src/kube/api";
import { systemClock } from "../../controller-image/src/kube/clock";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import { AckState, type AddressBinding, ownerAck } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { apiVersionOf, keyOf, type KubeObject, type Resource, RESOURCES } from "../../lib/model/kubernetes";
import { heard, now, say, untilSeen } from "../lab/child";
import {
  allPods,
  allRoutes,
  frame,
  holderOf,
  namespaceOf,
  otherOf,
  readyStatus,
  routeOfAny,
  type Size,
  standbyOf,
  addressOf,
} from "./world";

export interface DriverSettings {
  readonly kubeconfig: string;
  readonly size: Size;
}

/** What the bench asks for. */
export type Ask =
  | { readonly do: "load" }
  /** Ends when every address is acknowledged. */
  | { readonly do: "settle" }
  /** Changes this many Pods that no route is about, one after the other at this rate. */
  | { readonly do: "unrelated"; readonly count: number; readonly perSecond: number }
  | { readonly do: "move"; readonly route: number }
  /** Makes a route whose Pods no label tells, so that every Pod has to be watched. Ends when the controller says something of it. */
  | { readonly do: "any" };

export interface Answer {
  readonly done?: Ask["do"];
  readonly doing?: string;
  /** Of a move: from the Pod being Ready to the acknowledgement, in milliseconds. */
  readonly ms?: number;
}

const AT_ONCE = 48;

async function main({ kubeconfig, size }: DriverSettings): Promise<void> {
  const config = kubeconfigOf(JSON.parse(readFileSync(kubeconfig, "utf8")));
  const kube = createKube({ config, clock: systemClock, log: () => undefined, userAgent: "podpin-bench/0" });

  async function each<T>(what: string, items: Iterator<T>, work: (item: T) => Promise<unknown>): Promise<void> {
    let count = 0;
    const worker = async (): Promise<void> => {
      for (let next = items.next(); next.done !== true; next = items.next()) {
        await work(next.value);
        if (++count % 5000 === 0) say({ doing: `${what}: ${count}` } satisfies Answer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
  /** An API server that is filled is slow at times; every call here may be made twice. */
  async function patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        const passing =
          error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);
        if (!passing || attempt === 10) throw error;
      }
    }
  }
  const create = ([resource, object]: readonly [Resource, KubeObject]): Promise<unknown> =>
    patiently(() => kube.create(resource, object)).catch((error: unknown) => {
      if (!(error instanceof KubeError) || error.status !== 409) throw error;
    });
  const ready = (namespace: string, name: string, index: number): Promise<unknown> =>
    patiently(() => kube.mergePatch(RESOURCES.pods, { namespace, name }, { status: readyStatus(index) }, "status"));

  async function load(): Promise<void> {
    for (const item of [...frame(size)].filter(([{ kind }]) => kind !== "Node" && kind !== "Gateway"))
      await create(item);
    await each("nodes and Gateways", frame(size), create);
    await each("Pods", allPods(size), create);
    await each("Ready", Array.from({ length: size.routes }, (_, index) => index).values(), (index) =>
      ready(namespaceOf(index), holderOf(index), index),
    );
    await each("routes", allRoutes(size), create);
  }

  const { look, until } = untilSeen();
  const acknowledged = new Set<string>();
  const bindings = kube.reflect<AddressBinding>({
    resource: RESOURCES.addressBindings,
    onChange: (change) => {
      if (change.type === "set") void acknowledge(change.object);
      look();
    },
  });

  /** What the agent of the node would say, at once. */
  async function acknowledge(binding: AddressBinding): Promise<void> {
    const { name } = binding.metadata;
    const { owner, nodeName, epoch, releasing } = binding.spec;
    if (owner === undefined) return;
    const said = ownerAck(binding);
    if (said?.state === AckState.Announced) acknowledged.add(name);
    // Where a real agent runs it says what it can do; two that speak for one node would take turns for ever.
    if (said !== undefined) return;
    const acks = [{ nodeName, epoch, podUid: owner.podUid, state: AckState.Announced }];
    if (releasing !== undefined)
      acks.push({
        nodeName: releasing.nodeName,
        epoch: releasing.epoch,
        podUid: "",
        state: AckState.Released as never,
      });
    for (const ack of acks) {
      const body = {
        apiVersion: apiVersionOf(RESOURCES.addressBindings),
        kind: "AddressBinding",
        metadata: { name },
        status: { acks: [ack] },
      };
      await kube
        .apply(RESOURCES.addressBindings, body as unknown as AddressBinding, `podpin-agent-${ack.nodeName}`, "status")
        .catch(() => undefined);
    }
  }

  /** Of changes; a patch that changes nothing is no event. */
  let rounds = 0;
  async function unrelated(count: number, perSecond: number): Promise<void> {
    rounds++;
    const began = now();
    const running = new Set<Promise<unknown>>();
    for (let index = 0; index < count; index++) {
      const due = began + (index * 1000) / perSecond;
      if (due > now()) await new Promise((resolve) => setTimeout(resolve, due - now()));
      const ref = { namespace: namespaceOf(index), name: otherOf(index) };
      const patch = { metadata: { annotations: { touched: `${rounds} ${index}` } } };
      const one = patiently(() => kube.mergePatch(RESOURCES.pods, ref, patch)).finally(() => running.delete(one));
      running.add(one);
    }
    await Promise.all(running);
  }

  async function anyPod(): Promise<void> {
    const [resource, route] = routeOfAny();
    await create([resource, route]);
    const judged = kube.reflect<GKEIPRoute>({
      resource,
      namespace: route.metadata.namespace,
      fieldSelector: `metadata.name=${route.metadata.name}`,
      onChange: look,
    });
    await until(() => judged.get(keyOf(route))?.status?.conditions !== undefined);
    judged.stop();
  }

  for await (const ask of heard<Ask>()) {
    let ms: number | undefined;
    if (ask.do === "load") await load();
    else if (ask.do === "settle") await until(() => acknowledged.size >= size.routes);
    else if (ask.do === "unrelated") await unrelated(ask.count, ask.perSecond);
    else if (ask.do === "any") await anyPod();
    else {
      const { route } = ask;
      await ready(namespaceOf(route), standbyOf(route), size.routes + route);
      const began = now();
      await until(() => {
        const binding = bindings.get(addressOf(route));
        return binding?.spec.owner?.podName === standbyOf(route) && ownerAck(binding)?.state === AckState.Announced;
      });
      ms = now() - began;
    }
    say({ done: ask.do, ms } satisfies Answer);
  }
  kube.close();
}

void main(JSON.parse(process.argv[2] ?? "{}") as DriverSettings);
