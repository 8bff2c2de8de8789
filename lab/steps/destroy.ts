// Step 9: nothing of podpin is left, first in the cluster and the nodes' kernels, then on the machine.
import type { KubeObject } from "../../lib/model/kubernetes";
import { succeeded } from "./example";
import { removeYaml } from "./howto";
import { kernelTraces } from "./kernel-traces";
import type { Cluster } from "./cluster";
import { must, type Step } from "./step";

export const destroy: Step = {
  id: "9",
  title: "pulumi destroy: nothing of ours is left in the cluster, in any kernel, on the machine",
  async run({ cluster, stack }) {
    // The look must be able to find something: before the removal there is plenty.
    const before = [...(await objects(cluster)), ...(await traces(cluster))];
    must(
      before.length > 20,
      `before the removal only ${before.length} objects and traces were found: ${before.join(", ")}`,
    );
    await removeYaml(cluster);
    const run = succeeded("pulumi destroy", await stack.destroy());
    const left = await cluster.until(
      "nothing of podpin is left",
      async () => {
        const found = [...(await objects(cluster)), ...(await traces(cluster))];
        return found.length === 0 ? found : Promise.reject(new Error(`found ${found.join(", ")}`));
      },
      30_000,
    );
    await cluster.lab.stop();
    const machine = cluster.lab.leftovers();
    must(machine.length === 0, `the machine still shows ${machine.join(", ")}`);
    return {
      seen: [
        `pulumi destroy removed ${run.changes.delete ?? 0} resources in ${run.ms} ms`,
        `${before.length} objects and kernel traces before, ${left.length} after, ${machine.length} on the machine`,
      ],
    };
  },
};

/** Everything in the cluster that is podpin's or was made for it, by kind and name. */
async function objects(cluster: Cluster): Promise<string[]> {
  const kinds = await cluster.kubectl("api-resources", "--verbs=list", "-o", "name");
  const found: string[] = [];
  for (const group of ["gateway.networking.k8s.io", "networking.gke.io", "podpin.dev"]) {
    for (const kind of kinds.split("\n").filter((name) => name.endsWith(`.${group}`))) {
      const items = await cluster.list<KubeObject>(kind, "--all-namespaces");
      found.push(...items.map(({ metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`));
    }
  }
  const named = [
    "namespaces",
    "customresourcedefinitions",
    "clusterroles",
    "clusterrolebindings",
    "roles",
    "rolebindings",
    "serviceaccounts",
    "configmaps",
    "deployments",
    "daemonsets",
    "statefulsets",
    "pods",
  ];
  const ours = /podpin|networking\.gke\.io|proxy|edge/;
  for (const kind of named) {
    const items = await cluster.list<KubeObject>(kind, "--all-namespaces");
    const names = items.map(({ metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);
    found.push(...names.filter((name) => ours.test(name)));
  }
  return found;
}

async function traces(cluster: Cluster): Promise<string[]> {
  const perNode = await Promise.all(
    cluster.lab.nodes.map(async (node) => (await kernelTraces(node)).map((trace) => `${node.name}: ${trace}`)),
  );
  return perNode.flat();
}
