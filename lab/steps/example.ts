// Steps 1 to 6: the Pulumi program of an example, from `pulumi up` to a restart of everything under traffic.
import type { Node, Pod } from "../../lib/model/kubernetes";
import type { ProbeResult } from "../cluster/probe";
import type { RunResult } from "../pulumi/engine";
import type { Cluster } from "./cluster";
import { must, type Step, type StepContext } from "./step";
import { answeredByAll, callsFrom, probed, undisturbed } from "./traffic";

const nodesReady: Step = {
  id: "1",
  title: "three real Nodes are Ready",
  async run({ cluster }) {
    const nodes = await cluster.list<Node & { status: { nodeInfo: Record<string, string> } }>("nodes");
    const ready = nodes.filter(({ status }) =>
      status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    );
    must(ready.length === 3, `${ready.length} of ${nodes.length} Nodes are Ready; expected 3`);
    return {
      seen: ready.map(({ metadata, status: { nodeInfo } }) => {
        const { kubeletVersion, containerRuntimeVersion, kernelVersion } = nodeInfo;
        return `${metadata.name}: kubelet ${kubeletVersion}, ${containerRuntimeVersion}, Linux ${kernelVersion}`;
      }),
    };
  },
};

const firstUp: Step = {
  id: "2",
  title: "pulumi up ends when the route's Ready is True",
  async run({ cluster, stack, setting: { namespace, route: name, pod } }) {
    const up = succeeded("pulumi up", await stack.up());
    const route = await cluster.route(namespace, name);
    const ready = route?.status?.conditions?.find(({ type }) => type === "Ready");
    must(ready?.status === "True", `after pulumi up Ready is ${ready?.status ?? "missing"}: ${ready?.message ?? ""}`);
    must(
      route?.status?.pods?.join() === pod,
      `status.pods is ${route?.status?.pods?.join() ?? "missing"}; expected ${pod}`,
    );
    return { seen: [`pulumi up created ${up.changes.create ?? 0} resources in ${up.ms} ms; ${ready?.message ?? ""}`] };
  },
};

const traffic: Step = {
  id: "3",
  title: "TCP and UDP both ways: the Pod sees the client, the client sees the persistent address",
  async run({ cluster: { lab }, stack, setting }) {
    const [first, second] = await setting.addresses(stack);
    const seen = await answeredByAll(lab, [first, second], ["tcp", "udp"], setting.pod);
    // Of several addresses of one Pod in delivery nat, connections that the Pod opens come from the lowest.
    seen.push(await callsFrom(lab, second, first));
    return { seen };
  },
};

const podReplaced: Step = {
  id: "4",
  title: "the Pod is deleted: the next Pod of the same name has the addresses",
  run: (context) => replacePod(context, () => true),
};

const podMoved: Step = {
  id: "5",
  title: "the Pod moves to another node: the same",
  async run(context) {
    const { cluster } = context;
    const before = await nodeOf(context);
    await cluster.kubectl("cordon", before);
    try {
      return await replacePod(context, (pod) => pod.spec?.nodeName !== before);
    } finally {
      await cluster.kubectl("uncordon", before);
    }
  },
};

const restarts: Step = {
  id: "6",
  title: "a second pulumi up changes nothing; agent and controller restart without a lost packet",
  async run({ cluster, stack, setting }) {
    const { namespace, pod } = setting;
    const [address] = await setting.addresses(stack);
    const up = succeeded("the second pulumi up", await stack.up());
    const { create = 0, update = 0, replace = 0, delete: deleted = 0 } = up.changes;
    must(
      create + update + replace + deleted === 0,
      `the second pulumi up changed something: ${JSON.stringify(up.changes)}`,
    );
    const before = (await cluster.binding(address)).spec.epoch;
    const watched = { address, namespace, pod };
    const { probe, seen } = await undisturbed(cluster, watched, "while agent and controller restarted", async () => {
      await restart(cluster, "agent");
      await restart(cluster, "controller");
    });
    const after = (await cluster.binding(address)).spec.epoch;
    must(after === before, `the restarts moved the address: epoch ${before} became ${after}`);
    return {
      seen: [
        `the second pulumi up left ${up.changes.same ?? 0} resources alone in ${up.ms} ms`,
        `epoch ${after} stayed`,
        ...seen,
      ],
      probes: [probe],
    };
  },
};

export function succeeded(what: string, run: RunResult): RunResult {
  must(run.ok, `${what} ended with code ${run.code}\n${run.stdout}\n${run.stderr}`);
  return run;
}

async function nodeOf({ cluster, setting: { namespace, pod: name } }: StepContext): Promise<string> {
  const pod = await cluster.pod(namespace, name);
  return pod?.spec?.nodeName ?? "";
}

async function replacePod(
  { cluster, stack, setting }: StepContext,
  accepts: (pod: Pod) => boolean,
): Promise<{ seen: string[]; probes: ProbeResult[] }> {
  const { namespace, route, pod: name } = setting;
  const addresses = await setting.addresses(stack);
  const [first] = addresses;
  const old = await cluster.readyRoute(namespace, route);
  const epoch = (await cluster.binding(first)).spec.epoch;
  let next: Pod | undefined;
  const probe = await probed(cluster.lab, first, async () => {
    await cluster.kubectl("delete", "pod", "-n", namespace, name, "--wait=false");
    const isNext = (pod: Pod): boolean => pod.metadata.uid !== old.metadata.uid && accepts(pod);
    next = await cluster.readyRoute(namespace, route, isNext);
  });
  for (const address of addresses) {
    const { spec } = await cluster.binding(address);
    must(spec.owner?.podUid === next?.metadata.uid, `AddressBinding ${address} does not name the new Pod`);
    must(spec.epoch > epoch, `AddressBinding ${address} has epoch ${spec.epoch}; expected more than ${epoch}`);
  }
  await answeredByAll(cluster.lab, addresses, ["udp"], name);
  const from = old.spec?.nodeName ?? "";
  const to = next?.spec?.nodeName ?? "";
  return {
    seen: [`from ${from} to ${to}, epoch ${epoch} became ${(await cluster.binding(first)).spec.epoch}`],
    probes: [probe],
  };
}

async function restart(cluster: Cluster, component: string): Promise<void> {
  const selector = `app.kubernetes.io/component=${component}`;
  const before = await cluster.list<Pod>("pods", "-n", "podpin-system", "-l", selector);
  await cluster.kubectl("delete", "pod", "-n", "podpin-system", "-l", selector, "--wait=false");
  const old = new Set(before.map(({ metadata }) => metadata.uid));
  await cluster.until(`the old Pods of ${component} are gone`, async () => {
    const pods = await cluster.list<Pod>("pods", "-n", "podpin-system", "-l", selector);
    return pods.some(({ metadata }) => old.has(metadata.uid)) ? undefined : true;
  });
  await cluster.readyPods("podpin-system", selector, before.length);
}

export const exampleSteps: readonly Step[] = [nodesReady, firstUp, traffic, podReplaced, podMoved, restarts];
