// Which version of the Gateway API the cluster has, as the definition of GatewayClass says. Nothing waits for it: it is told
// in the status of classes, and decides nothing.
import { RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import type { Kube, Reflector } from "../kube/api";

/** Upstream's annotation on each of its definitions. */
const BUNDLE_VERSION = "gateway.networking.k8s.io/bundle-version";
const { gatewayClasses, customResourceDefinitions } = RESOURCES;
const DEFINITION = `${gatewayClasses.plural}.${gatewayClasses.group}`;

export class GatewayApiVersion {
  readonly #definition: Reflector<KubeObject>;

  constructor(kube: Kube, onChange: () => void) {
    this.#definition = kube.reflect<KubeObject>({
      resource: customResourceDefinitions,
      fieldSelector: `metadata.name=${DEFINITION}`,
      // The definition itself is large, and nobody here reads it.
      project: ({ metadata: { name, resourceVersion, annotations } }) => {
        const version = annotations?.[BUNDLE_VERSION];
        const kept: Record<string, string> = typeof version === "string" ? { [BUNDLE_VERSION]: version } : {};
        return { metadata: { name, resourceVersion, annotations: kept } };
      },
      onChange: ({ type, ...change }) => {
        const before = change.old?.metadata.annotations?.[BUNDLE_VERSION];
        if (type !== "set" || change.old === undefined || before !== this.bundle) onChange();
      },
    });
  }

  /** The version as the definition has it, empty where it has none; undefined while that is not known. */
  get bundle(): string | undefined {
    const definition = this.#definition.get(DEFINITION);
    return definition && (definition.metadata.annotations?.[BUNDLE_VERSION] ?? "");
  }

  stop(): void {
    this.#definition.stop();
  }
}
