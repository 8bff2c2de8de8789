// What happens to podpin's own parts in the cluster, and to the objects that they need.
import { AGENT, CONTROLLER, HEARTBEAT_KEYS, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { Gateway } from "../../lib/model/gke-api";
import type { KubeObject } from "../../lib/model/kubernetes";
import { atNode, type Draw, everywhere, firstPod, kubectl, paused, Program, signal } from "./fault";
import { LEAVING_TAINT, NAMESPACE, type Setting } from "./setting";

const CONTROLLER_PODS = "app.kubernetes.io/component=controller";
const AGENT_PODS = "app.kubernetes.io/component=agent";
const AT_ONCE = ["--wait=false", "--grace-period=0", "--force"];

const ofPodpin = (setting: Setting, verb: string, ...args: string[]): Promise<string> =>
  kubectl(setting, verb, "-n", PODPIN_NAMESPACE, ...args);

const agentPaused = atNode((node) => ({
  what: `the agent of ${node.name} stands still`,
  agentAway: [node.name],
  ...paused(node, Program.Agent),
}));

const agentKilled = atNode((node) => ({
  what: `the agent of ${node.name} is killed`,
  agentAway: [node.name],
  begin: () => signal(node, "KILL", Program.Agent),
}));

const agentReplaced = atNode((node, setting) => {
  const here = (pod: KubeObject): boolean => (pod as { spec?: { nodeName?: string } }).spec?.nodeName === node.name;
  return {
    what: `the agent's Pod on ${node.name} is deleted`,
    agentAway: [node.name],
    begin: async () => ofPodpin(setting, "delete", "pod", await firstPod(setting, AGENT_PODS, here), "--wait=false"),
  };
});

const agentsKilled: Draw = (setting) => ({
  what: "the agents of all nodes are killed",
  on: "agents",
  agentAway: everywhere(setting),
  begin: () => Promise.allSettled(setting.lab.nodes.map((node) => signal(node, "KILL", Program.Agent))),
});

const agentsUndeployed: Draw = (setting) => ({
  what: "the agents' DaemonSet is deleted",
  on: "agents",
  agentAway: everywhere(setting),
  agentAnew: true,
  begin: () => ofPodpin(setting, "delete", "daemonset", AGENT, "--wait=false"),
  end: () => setting.putBack("DaemonSet"),
});

async function leaderOf(setting: Setting): Promise<string> {
  const lease = await setting.cluster.find<KubeObject>("lease", PODPIN_NAMESPACE, CONTROLLER);
  const holder = (lease as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity ?? "";
  return firstPod(setting, CONTROLLER_PODS, ({ metadata }) => holder.startsWith(`${metadata.name}_`));
}

const leaderDeleted: Draw = (setting) => ({
  what: "the Pod of the leading controller is deleted",
  on: "controller",
  begin: async () => ofPodpin(setting, "delete", "pod", await leaderOf(setting), ...AT_ONCE),
});

const controllersDeleted: Draw = (setting) => ({
  what: "the Pods of all controllers are deleted",
  on: "controller",
  begin: () => ofPodpin(setting, "delete", "pod", "-l", CONTROLLER_PODS, ...AT_ONCE),
});

const controllersScaledDown: Draw = (setting) => {
  const scale = (count: number) => () => ofPodpin(setting, "scale", "deployment", CONTROLLER, `--replicas=${count}`);
  return { what: "there is no controller", on: "controller", begin: scale(0), end: scale(2) };
};

const controllersPaused = atNode((node) => ({
  what: `controllers on ${node.name} stand still`,
  ...paused(node, Program.Controller),
}));

const leaseEdited: Draw = (setting, random) => {
  const how = random.pick(["deleted", "given to nobody", "given to a stranger"]);
  const holderIdentity = how === "given to nobody" ? "" : "stranger";
  const patch = JSON.stringify({ spec: { holderIdentity } });
  return {
    what: `the controllers' Lease is ${how}`,
    on: "lease",
    begin: () =>
      how === "deleted"
        ? ofPodpin(setting, "delete", "lease", CONTROLLER)
        : ofPodpin(setting, "patch", "lease", CONTROLLER, "--type=merge", "-p", patch),
  };
};

const keysLost: Draw = (setting, random) => {
  const present = Buffer.from(Array.from({ length: 32 }, () => random.between(0, 255))).toString("base64");
  const patch = JSON.stringify({ data: { present, other: null } });
  const replaced = random.chance(0.5);
  return {
    what: `the heartbeats' key is ${replaced ? "replaced" : "deleted"}`,
    on: "keys",
    begin: () =>
      replaced
        ? ofPodpin(setting, "patch", "secret", HEARTBEAT_KEYS, "--type=merge", "-p", patch)
        : ofPodpin(setting, "delete", "secret", HEARTBEAT_KEYS),
  };
};

const rightsTaken: Draw = (setting, random) => {
  const account = random.pick([CONTROLLER, AGENT]);
  const kind = random.pick(["ClusterRoleBinding", "RoleBinding"]);
  return {
    what: `${account} has no ${kind}`,
    on: "rights",
    begin: () => ofPodpin(setting, "delete", kind, account),
    end: () => setting.putBack(kind),
    longestSeconds: 20,
  };
};

const classDeleted: Draw = (setting) => ({
  what: "the GatewayClass is deleted",
  on: "gateway",
  begin: () => kubectl(setting, "delete", "gatewayclass", "podpin-l2", "--wait=false"),
  end: () => setting.putBack("GatewayClass"),
});

const gatewayEdited: Draw = (setting, random) => {
  const how = random.pick(["deleted", "without its first address", "for routes of other namespaces"]);
  return {
    what: `the Gateway is ${how}`,
    on: "gateway",
    begin: async () => {
      const [gateway] = await setting.cluster.list<Gateway>("gateway", "-n", NAMESPACE);
      if (gateway === undefined) throw new Error("there is no Gateway");
      const { metadata, spec } = gateway;
      if (how === "deleted") return kubectl(setting, "delete", "gateway", "-n", NAMESPACE, metadata.name);
      const namespaces = { from: "Selector", selector: { matchLabels: { "example.com/none": "such" } } };
      const listeners = spec.listeners?.map((listener) => ({ ...listener, allowedRoutes: { namespaces } }));
      const change = how.startsWith("without") ? { addresses: spec.addresses?.slice(1) } : { listeners };
      const patch = JSON.stringify({ spec: change });
      return kubectl(setting, "patch", "gateway", "-n", NAMESPACE, metadata.name, "--type=merge", "-p", patch);
    },
    end: () => setting.putBack("Gateway"),
  };
};

const namespaceLabelled: Draw = (setting) => {
  const label = (value: string) => () => kubectl(setting, "label", "namespace", NAMESPACE, value, "--overwrite");
  return {
    what: `namespace ${NAMESPACE} gets a label`,
    on: "namespace",
    begin: label("example.com/some=label"),
    end: label("example.com/some-"),
  };
};

const cordoned = atNode(({ name }, setting) => ({
  what: `${name} is cordoned`,
  on: `cordon ${name}`,
  begin: () => kubectl(setting, "cordon", name),
  end: () => kubectl(setting, "uncordon", name),
}));

const nodeTainted = atNode(({ name }, setting) => {
  const taint = (end: string) => () => kubectl(setting, "taint", "node", name, LEAVING_TAINT + end);
  return {
    what: `${name} is to be removed by an autoscaler, which thinks better of it`,
    on: `taint ${name}`,
    begin: taint("=1:NoSchedule"),
    end: taint("-"),
  };
});

/** The machine runs on, and so does its agent. */
const nodeDeleted = atNode(({ name }, setting) => ({
  what: `Node ${name} is deleted, and made anew`,
  heavy: true,
  begin: () => kubectl(setting, "delete", "node", name, "--wait=false"),
  end: () => setting.restoreNodes(),
}));

export const CLUSTER_FAULTS = {
  agentPaused,
  agentKilled,
  agentReplaced,
  agentsKilled,
  agentsUndeployed,
  leaderDeleted,
  controllersDeleted,
  controllersScaledDown,
  controllersPaused,
  leaseEdited,
  keysLost,
  rightsTaken,
  classDeleted,
  gatewayEdited,
  namespaceLabelled,
  cordoned,
  nodeTainted,
  nodeDeleted,
};
