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
  async run(context) {
    const { cluster, stack, cloud } = context;
    // The look must be able to find something: before the removal there is plenty.
    const before = [...(await objects(cluster)), ...(await traces(cluster))];
    must(
      before.length > 20,
      `before the removal only ${before.length} objects and traces were found: ${before.join(", ")}`,
    );
    const cloudBefore = (await cloud?.inventory()) ?? [];
    must(
      cloud === undefined || cloudBefore.length > 10,
      `before the removal the cloud had only ${cloudBefore.join(", ")}`,
    );
    await removeYaml(context);
    const run = succeeded("pulumi destroy", await stack.destroy());
    const left = await cluster.until(
      "nothing of podpin is left",
      async () => {
        const found = [...(await objects(cluster)), ...(await traces(cluster))];
        return found.length === 0 ? found : Promise.reject(new Error(`found ${found.join(", ")}`));
      },
      30_000,
    );
    // What the deployment has not waited for would still be there.
    const cloudLeft = (await cloud?.inventory()) ?? [];
    must(cloudLeft.length === 0, `the cloud still has ${cloudLeft.join(", ")}`);
    await cloud?.stop();
    await cluster.lab.stop();
    const machine = cluster.lab.leftovers();
    must(machine.length === 0, `the machine still shows ${machine.join(", ")}`);
    return {
      seen: [
        `pulumi destroy removed ${run.changes.delete ?? 0} resources in ${run.ms} ms`,
        ...(cloud === undefined
          ? []
          : [`${cloudBefore.length} resources in the cloud before, ${cloudLeft.length} after`]),
        `${before.length} objects and kernel traces before, ${left.length} after, ${machine.length} on the machine`,
      ],
    };
  },
};

const GROUPS = ["gateway.networking.k8s.io", "networking.gke.io", "podpin.dev"];
const NAMED = [
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

/** Everything in the cluster that is podpin's or was made for it, by kind, namespace and name. */
async function objects(cluster: Cluster): Promise<string[]> {
  const served = (await cluster.kubectl("api-resources", "--verbs=list", "-o", "name")).split("\n");
  const kinds = served.filter((name) => GROUPS.some((group) => name.endsWith(`.${group}`)));
  const items = await cluster.list<KubeObject>([...kinds, ...NAMED].join(","), "--all-namespaces");
  const ours = /podpin|networking\.gke\.io|proxy|edge/;
  return items
    .filter(({ apiVersion, metadata }) => {
      const isOfGroup = GROUPS.some((group) => apiVersion?.startsWith(`${group}/`));
      return isOfGroup || ours.test(metadata.name) || ours.test(metadata.namespace ?? "");
    })
    .map(({ kind, metadata }) => `${kind ?? ""} ${metadata.namespace ?? ""}/${metadata.name}`);
}

async function traces(cluster: Cluster): Promise<string[]> {
  const perNode = await Promise.all(
    cluster.lab.nodes.map(async (node) => (await kernelTraces(node)).map((trace) => `${node.name}: ${trace}`)),
  );
  return perNode.flat();
}
