// Questions that the lab's steps ask of the cluster, through kubectl like anybody would.
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import type { KubeObject, Pod } from "../../lib/model/kubernetes";
import type { Lab } from "../cluster/lab";
import type { LabNode } from "../cluster/node";

const POLL_MS = 100;

export class Cluster {
  constructor(readonly lab: Lab) {}

  kubectl(...args: readonly string[]): Promise<string> {
    return this.lab.kubectl(args);
  }

  apply(yaml: string): Promise<string> {
    return this.lab.kubectl(["apply", "-f", "-"], yaml);
  }

  /** Does not wait until it is gone. */
  remove(yaml: string): Promise<string> {
    return this.lab.kubectl(["delete", "-f", "-", "--wait=false"], yaml);
  }

  async list<T extends KubeObject>(kind: string, ...args: readonly string[]): Promise<T[]> {
    const text = await this.lab.kubectl(["get", kind, ...args, "-o", "json"]);
    return (JSON.parse(text) as { items: T[] }).items;
  }

  /** Undefined when it does not exist. */
  async find<T extends KubeObject>(kind: string, namespace: string, name: string): Promise<T | undefined> {
    const text = await this.lab.kubectl(["get", kind, "-n", namespace, name, "--ignore-not-found", "-o", "json"]);
    return text.trim() === "" ? undefined : (JSON.parse(text) as T);
  }

  /** Waits, with a bound, for something to be so; fails with what was last seen. */
  async until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
    const end = performance.now() + timeoutMs;
    let trouble = "";
    for (;;) {
      try {
        const found = await look();
        if (found !== undefined) return found;
      } catch (error) {
        trouble = `: ${error instanceof Error ? error.message : String(error)}`;
      }
      if (performance.now() > end) throw new Error(`${what}: not so after ${timeoutMs / 1000} s${trouble}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  route(namespace: string, name: string): Promise<GKEIPRoute | undefined> {
    return this.find<GKEIPRoute>("gkeiproute.networking.gke.io", namespace, name);
  }

  pod(namespace: string, name: string): Promise<Pod | undefined> {
    return this.find<Pod>("pod", namespace, name);
  }

  async binding(address: string): Promise<AddressBinding> {
    const binding = await this.find<AddressBinding>("addressbinding.podpin.dev", "default", address);
    if (binding === undefined) throw new Error(`AddressBinding ${address} does not exist`);
    return binding;
  }

  /** Waits until the route is Ready and its addresses belong to a Pod that `accepts` likes. */
  readyRoute(namespace: string, name: string, accepts: (pod: Pod) => boolean = () => true): Promise<Pod> {
    let last = "it does not exist";
    return this.until(`GKEIPRoute ${namespace}/${name} is Ready`, async () => {
      const route = await this.route(namespace, name);
      const ready = route?.status?.conditions?.find(({ type }) => type === "Ready");
      if (ready !== undefined) last = `${ready.status} ${ready.reason} ${ready.message}`;
      const podName = route?.status?.pods?.[0];
      if (ready?.status !== "True" || podName === undefined) return undefined;
      const pod = await this.pod(namespace, podName);
      return pod !== undefined && accepts(pod) ? pod : undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; last seen: ${last}`);
    });
  }

  async readyPods(namespace: string, selector: string, count: number): Promise<void> {
    await this.until(`${count} Pods ${selector} are Ready in ${namespace}`, async () => {
      const pods = await this.list<Pod>("pods", "-n", namespace, "-l", selector);
      const ready = pods.filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
      );
      return ready.length === count && pods.length === count ? true : undefined;
    });
  }

  node(name: string): LabNode {
    const node = this.lab.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`node ${name} is not one of the lab's`);
    return node;
  }
}
