// Steps 7 and 8: YAML written for GKE, applied with kubectl, and YAML with mistakes in it.
import type { GKEIPRoute } from "../../lib/model/gke-api";
import type { KubeObject, Pod } from "../../lib/model/kubernetes";
import { REGION } from "../cluster/plan";
import type { LabCloud } from "../vpc/start";
import type { Cluster } from "./cluster";
import { must, type Step, type StepContext } from "./step";
import { answeredByAll, callsFrom, undisturbed } from "./traffic";

const NAMESPACES = ["proxy-ss-ns", "proxy-deploy-ns", "own-address", "malformed"];

export const howTo: Step = {
  id: "7",
  title: "the how-to's plain YAML through kubectl works the same way",
  async run(context) {
    const { cluster, setting } = context;
    const both = setting.howToAddresses;
    const [first] = both;
    const seen: string[] = [];
    await reserve(context);
    await cluster.apply(setting.yaml("gateway"));
    seen.push(...(await served(context, "statefulset", "proxy-ss-ns", "my-pod-ips", both)));
    await gone(context, "statefulset", "proxy-ss-ns", "my-pod-ips");
    seen.push(...(await served(context, "deployment", "proxy-deploy-ns", "my-pod-ips", both)));
    await gone(context, "deployment", "proxy-deploy-ns", "my-pod-ips");
    // Without the annotation the Pod holds the address itself, and opens connections from it by binding to it.
    seen.push(...(await served(context, "own-address", "own-address", "my-ip-route", [first], first)));
    return { seen };
  },
};

/** On Google Cloud somebody has reserved the addresses before, as the how-to asks. */
async function reserve({ cloud, setting }: StepContext): Promise<void> {
  if (cloud === undefined) return;
  await Promise.all(
    setting.howToAddresses.map((address, i) => cloud.calls.insert(addressKey(cloud, i), { name: nameOf(i), address })),
  );
}

const nameOf = (index: number): string => `how-to-${index}`;
const addressKey = ({ project }: LabCloud, index: number): string =>
  `projects/${project}/regions/${REGION}/addresses/${nameOf(index)}`;

async function served(
  { cluster, setting }: StepContext,
  file: string,
  namespace: string,
  route: string,
  addresses: readonly string[],
  boundTo?: string,
): Promise<string[]> {
  await cluster.apply(setting.yaml(file));
  const newest = await newestOfAll(cluster, namespace, route);
  const pod = await cluster.readyRoute(namespace, route, ({ metadata }) => metadata.creationTimestamp === newest);
  // A UDP server that does not look at which address it was asked answers from the Pod's own; nat mends that, app cannot.
  const protocols = boundTo === undefined ? (["tcp", "udp"] as const) : (["tcp"] as const);
  const seen = await answeredByAll(cluster.lab, addresses, protocols, pod.metadata.name);
  const [first = ""] = addresses;
  seen.push(await callsFrom(cluster.lab, first, first, boundTo));
  return seen.map((line) => `${file}: ${line}`);
}

interface Workload extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status?: { readonly readyReplicas?: number };
}

/** A newer Pod that becomes ready takes the addresses over, so nobody has them for good before every replica is ready. */
async function newestOfAll(cluster: Cluster, namespace: string, route: string): Promise<string> {
  await cluster.until(`every replica in ${namespace} is ready`, async () => {
    const workloads = await cluster.list<Workload>("deployments.apps,statefulsets.apps", "-n", namespace);
    return workloads.every(({ spec, status }) => status?.readyReplicas === spec.replicas) || undefined;
  });
  const labels = Object.entries((await cluster.route(namespace, route))?.spec.podSelector?.matchLabels ?? {});
  const selector = labels.map(([name, value]) => `${name}=${value}`).join(",");
  const pods = await cluster.list<Pod>("pods", "-n", namespace, "-l", selector);
  return (
    pods
      .map(({ metadata }) => metadata.creationTimestamp ?? "")
      .sort()
      .at(-1) ?? ""
  );
}

/** Deletes the YAML; done when its route is gone, which frees the addresses. The rest goes on its own. */
async function gone({ cluster, setting }: StepContext, file: string, namespace: string, route: string): Promise<void> {
  await cluster.remove(setting.yaml(file));
  await cluster.until(`GKEIPRoute ${namespace}/${route} is gone`, async () =>
    (await cluster.route(namespace, route)) === undefined ? true : undefined,
  );
}

const MALFORMED = {
  "not-one-address": ["Accepted", "InvalidAddresses"],
  "not-in-the-gateway": ["Accepted", "InvalidAddresses"],
  "no-gateway": ["Accepted", "GatewayNotFound"],
  "no-pods": ["Ready", "NoPodsFound"],
} as const;

export const malformed: Step = {
  id: "8",
  title: "four malformed routes each get their own reason, and the good route does not notice",
  async run({ cluster, stack, setting }) {
    const good = (): Promise<GKEIPRoute | undefined> => cluster.route("own-address", "my-ip-route");
    const before = (await good())?.metadata.resourceVersion;
    const seen: string[] = [];
    const [address] = await setting.addresses(stack);
    const watched = { address, namespace: setting.namespace, pod: setting.pod };
    const { probe, seen: counted } = await undisturbed(cluster, watched, "meanwhile", async () => {
      await cluster.apply(setting.yaml("malformed"));
      for (const [name, [type, reason]] of Object.entries(MALFORMED)) {
        const condition = await cluster.until(`GKEIPRoute malformed/${name} has a condition ${type}`, async () => {
          const route = await cluster.route("malformed", name);
          return route?.status?.conditions?.find((candidate) => candidate.type === type);
        });
        const text = `${name}: ${type} ${condition.status} ${condition.reason}: ${condition.message}`;
        must(condition.status === "False" && condition.reason === reason, `${text}; expected False ${reason}`);
        seen.push(text);
      }
    });
    const after = (await good())?.metadata.resourceVersion;
    must(after === before, `the good route was written meanwhile: ${before ?? ""} became ${after ?? ""}`);
    return { seen: [...seen, ...counted], probes: [probe] };
  },
};

/** Takes back what these steps applied, so that the last step finds only what belongs to the Pulumi program. */
export async function removeYaml({ cluster, setting, cloud }: StepContext): Promise<void> {
  const files = ["malformed", "own-address", "gateway"];
  await cluster.remove(files.map((file) => setting.yaml(file)).join("\n---\n"));
  await cluster.until("the namespaces of the YAML are gone", async () => {
    const names = (await cluster.list("namespaces")).map(({ metadata }) => metadata.name);
    const left = names.filter((name) => NAMESPACES.includes(name));
    return left.length === 0 ? true : Promise.reject(new Error(`found ${left.join(", ")}`));
  });
  if (cloud === undefined) return;
  // A route that is gone uses no address any more.
  await Promise.all(setting.howToAddresses.map((_, i) => cloud.calls.delete(addressKey(cloud, i))));
}
