// The one cluster that `npm test` starts, as the suites see it. They run in jest's own processes, so what they need of it
// goes through the environment.
import { NamespaceHost, type LabHost } from "../../lab/cluster/host";
import type { Lab } from "../../lab/cluster/lab";
import type { Images } from "../../lab/images/ensure";

/** The variable that carries it. */
export const SHARED_LAB = "PODPIN_TEST_LAB";

interface Shared {
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly client: { readonly namespace: string; readonly address: string };
  readonly control: { readonly namespace: string; readonly address: string };
  readonly nodes: readonly { readonly name: string; readonly namespace: string; readonly address: string }[];
  readonly podpinImage: string;
}

export interface SharedLab {
  readonly client: LabHost;
  readonly control: LabHost;
  readonly nodes: readonly (LabHost & { readonly name: string })[];
  readonly podpinImage: string;
  readonly kubeconfig: string;
  /** Absolute path of the kubectl of the pinned parts. */
  readonly kubectlPath: string;
  kubectl(args: readonly string[], input?: string): Promise<string>;
}

export function shareLab(lab: Lab, images: Images, kubectl: string): string {
  const place = ({ namespace, address }: LabHost): Shared["client"] => ({ namespace, address });
  const shared: Shared = {
    kubeconfig: lab.kubeconfig,
    kubectl,
    client: place(lab.client),
    control: place(lab.control),
    nodes: lab.nodes.map((node) => ({ name: node.name, ...place(node) })),
    podpinImage: images.podpinImage,
  };
  return JSON.stringify(shared);
}

/** Fails where there is none: a suite that needs a cluster must never pass without one. */
export function sharedLab(): SharedLab {
  const text = process.env[SHARED_LAB];
  if (text === undefined)
    throw new Error("this suite needs the cluster that `npm test` starts; run it through npm test");
  const shared = JSON.parse(text) as Shared;
  const control = new NamespaceHost(shared.control.namespace, shared.control.address);
  return {
    client: new NamespaceHost(shared.client.namespace, shared.client.address),
    control,
    nodes: shared.nodes.map(({ name, namespace, address }) =>
      Object.assign(new NamespaceHost(namespace, address), { name }),
    ),
    podpinImage: shared.podpinImage,
    kubeconfig: shared.kubeconfig,
    kubectlPath: shared.kubectl,
    kubectl: async (args, input) => {
      const { code, stdout, stderr } = await control.exec(
        [shared.kubectl, "--kubeconfig", shared.kubeconfig, ...args],
        {
          input,
        },
      );
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr || stdout}`);
      return stdout;
    },
  };
}
