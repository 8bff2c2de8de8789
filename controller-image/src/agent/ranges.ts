// The cluster's own ranges, as the controller tells them in a ConfigMap.
import { isIPv4Cidr } from "../../../lib/model/address";
import { CLUSTER_RANGES_CONFIG_MAP, CLUSTER_RANGES_KEY } from "../../../lib/model/binding";
import { type KubeObject, RESOURCES } from "../../../lib/model/kubernetes";
import type { Kube, Reflector } from "../kube/api";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export function watchRanges(kube: Kube, namespace: string, onChange: () => void): Reflector<ConfigMap> {
  return kube.reflect<ConfigMap>({
    resource: RESOURCES.configMaps,
    namespace,
    fieldSelector: `metadata.name=${CLUSTER_RANGES_CONFIG_MAP}`,
    onChange,
    onSynced: onChange,
  });
}

/** One CIDR per line. Nothing while there is none: better no nat than a persistent address leaking into the cluster. */
export function cidrsOf(ranges: Reflector<ConfigMap>): string[] | undefined {
  const [map] = ranges.values();
  const cidrs = (map?.data?.[CLUSTER_RANGES_KEY] ?? "").split(/\s+/).filter(isIPv4Cidr);
  return cidrs.length === 0 ? undefined : cidrs;
}
