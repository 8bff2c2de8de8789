// What must not see a persistent address as source: Pods, Services and nodes of this cluster, link-local and multicast.
// The controller knows them all and writes them once for every agent, so that no agent has to watch every node.
import { addressToNumber, isIPv4, isIPv4Cidr } from "../../../lib/model/address";
import { CLUSTER_RANGES_CONFIG_MAP, CLUSTER_RANGES_KEY } from "../../../lib/model/binding";
import { RESOURCES, type KubeObject, type Node } from "../../../lib/model/kubernetes";
import { KubeError, type Kube, type Reflector } from "../kube/api";
import { nodeAddress } from "./projections";

const ALWAYS = ["169.254.0.0/16", "224.0.0.0/4"];

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface ServiceCIDR extends KubeObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

/** The ranges in a stable order, IPv4 only, each once. */
export function clusterRanges(given: readonly string[], services: readonly string[], nodes: Iterable<Node>): string[] {
  const ranges = new Set([...ALWAYS, ...given.filter(isIPv4Cidr), ...services.filter(isIPv4Cidr)]);
  for (const node of nodes) {
    for (const cidr of node.spec?.podCIDRs ?? []) if (isIPv4Cidr(cidr)) ranges.add(cidr);
    const address = nodeAddress(node);
    if (address !== undefined && isIPv4(address)) ranges.add(`${address}/32`);
  }
  const order = (cidr: string): number => addressToNumber(cidr.split("/")[0] ?? "");
  return [...ranges].sort((a, b) => order(a) - order(b) || a.localeCompare(b));
}

/** Service ranges of the cluster; none where the API is older than Kubernetes 1.33 and the flag has to say them. */
export async function serviceCidrs(kube: Kube): Promise<readonly string[]> {
  const service = await kube.get<ServiceCIDR>(RESOURCES.serviceCidrs, { name: "kubernetes" });
  return service?.spec?.cidrs ?? [];
}

/** Writes the ranges where agents read them, if they changed. */
export async function writeClusterRanges(kube: Kube, namespace: string, ranges: readonly string[]): Promise<void> {
  const ref = { namespace, name: CLUSTER_RANGES_CONFIG_MAP };
  const data = { [CLUSTER_RANGES_KEY]: ranges.join("\n") };
  const present = await kube.get<ConfigMap>(RESOURCES.configMaps, ref);
  if (present === undefined) {
    await kube
      .create<ConfigMap>(RESOURCES.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: ref, data })
      .catch(ignoreExisting);
  } else if (present.data?.[CLUSTER_RANGES_KEY] !== data[CLUSTER_RANGES_KEY]) {
    const { resourceVersion } = present.metadata;
    await kube.mergePatch(RESOURCES.configMaps, ref, { metadata: { resourceVersion }, data });
  }
}

/** Whoever deletes or edits them takes delivery `nat` away from every address that moves next. */
export function watchClusterRanges(kube: Kube, namespace: string, onChange: () => void): Reflector<KubeObject> {
  const fieldSelector = `metadata.name=${CLUSTER_RANGES_CONFIG_MAP}`;
  return kube.reflect<KubeObject>({ resource: RESOURCES.configMaps, namespace, fieldSelector, onChange });
}

function ignoreExisting(error: unknown): void {
  // Another replica was faster; the next change of a node compares again.
  if (!(error instanceof KubeError && error.status === 409)) throw error;
}
