// What the cluster says, read through the user's own kubectl: its login, its context, its rights.
import { execFile } from "node:child_process";
import type { ClusterView } from "../model/acceptance";
import type { AddressBinding } from "../model/binding";
import type { Gateway, GatewayClass, GKEIPRoute, Network } from "../model/gke-api";
import {
  RESOURCES,
  type Condition,
  type KubeObject,
  type Namespace,
  type Node,
  type Pod,
  type Resource,
} from "../model/kubernetes";

/** Everything that an answer about routes needs, read once. */
export interface Snapshot {
  readonly routes: readonly GKEIPRoute[];
  readonly gateways: readonly Gateway[];
  readonly classes: readonly GatewayClass[];
  readonly networks: readonly Network[];
  readonly namespaces: readonly Namespace[];
  readonly bindings: readonly AddressBinding[];
  readonly pods: readonly Pod[];
  /** Absent where the user may not see nodes. */
  readonly nodes?: readonly Node[];
}

export type Kubectl = (args: readonly string[]) => Promise<string>;

/** Runs kubectl with these arguments first, for example `--context`. */
export function kubectl(first: readonly string[]): Kubectl {
  return (args) =>
    new Promise((resolve, reject) => {
      execFile("kubectl", [...first, ...args], { maxBuffer: 2 ** 30 }, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
        const text = missing ? "kubectl: not found on PATH; install it and log in to the cluster" : stderr.trim();
        reject(new Error(text || error.message, { cause: error }));
      });
    });
}

export async function snapshot(run: Kubectl): Promise<Snapshot> {
  const list = async <T extends KubeObject>(resource: Resource): Promise<readonly T[]> => {
    const kind = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
    const text = await run(["get", kind, ...(resource.namespaced ? ["--all-namespaces"] : []), "--output=json"]);
    return (JSON.parse(text) as { items: T[] }).items;
  };
  const [routes, gateways, classes, networks, namespaces, bindings, pods, nodes] = await Promise.all([
    list<GKEIPRoute>(RESOURCES.gkeIpRoutes),
    list<Gateway>(RESOURCES.gateways),
    list<GatewayClass>(RESOURCES.gatewayClasses),
    list<Network>(RESOURCES.networks),
    list<Namespace>(RESOURCES.namespaces),
    // On GKE's own controller there are none.
    list<AddressBinding>(RESOURCES.addressBindings).catch(ifNotServed),
    list<Pod>(RESOURCES.pods),
    list<Node>(RESOURCES.nodes).catch(ifForbidden),
  ]);
  return { routes, gateways, classes, networks, namespaces, bindings, pods, nodes };
}

function ifNotServed(error: unknown): readonly AddressBinding[] {
  if (error instanceof Error && error.message.includes("the server doesn't have a resource type")) return [];
  throw error;
}

function ifForbidden(error: unknown): undefined {
  if (error instanceof Error && error.message.includes("Forbidden")) return undefined;
  throw error;
}

export function viewOf({ classes, gateways, networks, namespaces }: Snapshot): ClusterView {
  const named = <T extends KubeObject>(objects: readonly T[], name: string): T | undefined =>
    objects.find(({ metadata }) => metadata.name === name);
  return {
    // What the controller was given, only itself knows; it says so in the condition of the classes that need it.
    cloud: !classes.some(({ status }) => status?.conditions?.some(isUnsupported)),
    gatewayClass: (name) => named(classes, name),
    network: (name) => named(networks, name),
    namespaceLabels: (name) => {
      const namespace = named(namespaces, name);
      return namespace && (namespace.metadata.labels ?? {});
    },
    gateway: (namespace, name) =>
      gateways.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  };
}

const isUnsupported = ({ type, status, reason }: Condition): boolean =>
  type === "Accepted" && status === "False" && reason === "Unsupported";
