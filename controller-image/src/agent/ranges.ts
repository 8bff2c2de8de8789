// The cluster's own ranges, as the controller tells them in a ConfigMap.
import { isIPv4Cidr } from "../../../lib/model/address";
import { CLUSTER_RANGES_CONFIG_MAP, CLUSTER_RANGES_KEY } from "../../../lib/model/binding";
import { type KubeObject, RESOURCES } from "../../../lib/model/kubernetes";
import type { Kube, Reflector } from "../kube/api";

interface RangesMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  /** What is kept of the data: every pass asks for it. */
  readonly cidrs?: readonly string[];
}

export function watchRanges(kube: Kube, namespace: string, onChange: () => void): Reflector<RangesMap> {
  return kube.reflect<RangesMap>({
    resource: RESOURCES.configMaps,
    namespace,
    fieldSelector: `metadata.name=${CLUSTER_RANGES_CONFIG_MAP}`,
    // One CIDR per line.
    project: ({ metadata, data }) => ({
      metadata,
      cidrs: (data?.[CLUSTER_RANGES_KEY] ?? "").split(/\s+/).filter(isIPv4Cidr),
    }),
    onChange,
    onSynced: onChange,
  });
}

/** Nothing while there is none: better no nat than a persistent address leaking into the cluster. */
export function cidrsOf(ranges: Reflector<RangesMap>): readonly string[] | undefined {
  const [{ cidrs = [] } = {}] = ranges.values();
  return cidrs.length === 0 ? undefined : cidrs;
}
