// GKE's kinds, filled in where the cluster lacks them. Only ever created: a definition that is there, GKE's own above
// all, is never changed.
import { apiVersionOf, RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import { KubeError, type Kube, type Log } from "../kube/api";

interface CustomResourceDefinition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/**
 * Creates the definitions that are missing. They belong to podpin's own definition of AddressBinding, so that the
 * garbage collector removes them when podpin is removed.
 */
export async function installMissing(kube: Kube, definitions: readonly KubeObject[], log: Log): Promise<void> {
  const { customResourceDefinitions, addressBindings } = RESOURCES;
  const ownerName = `${addressBindings.plural}.${addressBindings.group}`;
  const owner = await kube.get<CustomResourceDefinition>(customResourceDefinitions, { name: ownerName });
  const uid = owner?.metadata.uid;
  for (const definition of definitions) {
    const { name } = definition.metadata;
    if ((await kube.get(customResourceDefinitions, { name })) !== undefined) {
      log("info", "definition is there already and stays as it is", { name });
      continue;
    }
    const ownerReferences =
      uid === undefined
        ? undefined
        : [
            {
              apiVersion: apiVersionOf(customResourceDefinitions),
              kind: customResourceDefinitions.kind,
              name: ownerName,
              uid,
            },
          ];
    try {
      await kube.create(customResourceDefinitions, {
        ...definition,
        metadata: { ...definition.metadata, ownerReferences },
      });
      log("info", "definition was missing and is installed", { name });
    } catch (error) {
      // Somebody was faster: then it is there, which is all that is wanted.
      if (!(error instanceof KubeError && error.status === 409)) throw error;
    }
  }
}
