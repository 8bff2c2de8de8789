// What can happen: one fault at a time is drawn; many are under way at once.
import { AGENT, CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { KubeObject } from "../../lib/model/kubernetes";
import { API_SERVER_ADDRESS, API_SERVER_PORT } from "../../lab/cluster/plan";
import type { LabNode } from "../../lab/cluster/node";
import type { Random } from "../sim/random";
import { ADDRESSES, ALL_ADDRESSES, NAMESPACE, PATIENCE, POD_NAMES, ROUTE_NAMES, type Setting } from "./setting";

export interface Fault {
  readonly what: string;
  /** No two faults with the same one at once. */
  readonly on: string;
  /** It takes a machine away: a cluster of three can bear one of these. */
  readonly heavy?: boolean;
  /** The node's kernel may meanwhile answer as the agent has left it (docs/moves.md, "From node to node"). */
  readonly agentAway?: string;
  readonly begin: () => Promise<unknown>;
  /** Without it the fault is over at once, and what was changed must be put right by podpin. */
  readonly end?: () => Promise<unknown>;
  /** @default 8 */
  readonly longestSeconds?: number;
}

type Draw = (setting: Setting, random: Random) => Fault;

const kubectl = ({ cluster }: Setting, ...args: string[]): Promise<string> => cluster.kubectl(...args, PATIENCE);

async function inside(node: LabNode, ...command: string[]): Promise<void> {
  const { code, stderr } = await node.exec(command);
  if (code !== 0) throw new Error(stderr.trim());
}

/** A signal to the processes of a node whose command line says this. */
async function signal(node: LabNode, name: string, program: string): Promise<void> {
  // The brackets keep the shell from finding itself.
  const pattern = `podpin.js [${program[0] ?? ""}]${program.slice(1)}`;
  const { stdout } = await node.execInside(["pgrep", "-f", pattern]);
  const pids = stdout.split("\n").filter((line) => line !== "");
  if (pids.length === 0) throw new Error(`${node.name} runs no ${program}`);
  await node.execInside(["kill", `-${name}`, ...pids]);
}

async function firstPod(setting: Setting, labels: string, accepts: (pod: KubeObject) => boolean): Promise<string> {
  const pods = await setting.cluster.list<KubeObject>("pods", "-n", PODPIN_NAMESPACE, PATIENCE, "-l", labels);
  const found = pods.find(accepts);
  if (found === undefined) throw new Error(`no such Pod: ${labels}`);
  return found.metadata.name;
}

const dropping = (table: string, rule: string): string =>
  ["output", "input", "forward"]
    .map((hook) => `table ip ${table} { chain ${hook} { type filter hook ${hook} priority -200; ${rule}; }; }`)
    .join("\n");

function cut(node: LabNode, table: string, ...rules: string[]): Pick<Fault, "begin" | "end"> {
  const text = rules.map((rule) => dropping(table, rule)).join("\n");
  return { begin: () => inside(node, "nft", text), end: () => inside(node, "nft", `delete table ip ${table}`) };
}

/** At a node that is drawn; two at one node are not under way at once unless a fault says otherwise. */
const atNode =
  (fault: (node: LabNode, setting: Setting, random: Random) => Omit<Fault, "on"> & { readonly on?: string }): Draw =>
  (setting, random) => {
    const node = random.pick(setting.lab.nodes);
    return { on: node.name, ...fault(node, setting, random) };
  };

const podDeleted: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  const how = random.pick([[], ["--grace-period=0", "--force"]]);
  return {
    what: `Pod ${name} is deleted ${how.length > 0 ? "by force " : ""}and comes back`,
    on: name,
    begin: () => kubectl(setting, "delete", "pod", "-n", NAMESPACE, name, "--wait=false", ...how),
    end: async () => {
      await kubectl(setting, "delete", "pod", "-n", NAMESPACE, name, "--wait=false", "--ignore-not-found");
      await setting.cluster.until(`${name} is made anew`, () => setting.makePod(name).then(() => true), 120_000);
    },
  };
};

const podRelabelled: Draw = (setting, random) => {
  const [name, route] = [random.pick(POD_NAMES), random.pick(ROUTE_NAMES)];
  const label = (value: string) => () => kubectl(setting, "label", "pod", "-n", NAMESPACE, name, value, "--overwrite");
  return {
    what: `Pod ${name} loses the label of route ${route}`,
    on: name,
    begin: label(`${route}-`),
    end: label(`${route}=yes`),
  };
};

const podNotReady: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  return {
    what: `Pod ${name} is not Ready`,
    on: name,
    begin: () => setting.setReady(name, false),
    end: () => setting.setReady(name, true),
  };
};

const routeEdited: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  const other = random.pick(ROUTE_NAMES);
  // What another route has already it does not get; the address that it gives up others may get.
  const lists = [ADDRESSES[route].slice(1), [...ADDRESSES[route].slice(0, 1), ...ADDRESSES[other]]];
  const addresses = [...new Set(random.pick(lists))];
  return {
    what: `route ${route} lists ${addresses.join(", ")}`,
    on: route,
    begin: () => setting.setAddresses(route, addresses),
    end: () => setting.restoreRoute(route),
  };
};

const routeDeleted: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  return {
    what: `route ${route} is deleted`,
    on: route,
    begin: () => kubectl(setting, "delete", "gkeiproute", "-n", NAMESPACE, route, "--wait=false"),
    end: () =>
      setting.cluster.until(
        `route ${route} is made anew`,
        async () => {
          const found = await setting.cluster.route(NAMESPACE, route);
          if (found?.metadata.deletionTimestamp !== undefined) return undefined;
          return setting.restoreRoute(route).then(() => true);
        },
        120_000,
      ),
  };
};

const powerOff = atNode((node) => ({
  what: `${node.name} loses power`,
  heavy: true,
  begin: () => node.powerOff(),
  end: () => node.powerOn(),
}));

const switchCut = atNode((node) => ({
  what: `the switch drops every frame of ${node.name}`,
  heavy: true,
  begin: () => node.cut(),
  end: () => node.heal(),
}));

const apiCut = atNode((node) => {
  // Also for Pods, which call a Service: kube-proxy has then written the server's own address into the packet.
  const rule = `ip daddr ${API_SERVER_ADDRESS} tcp dport ${API_SERVER_PORT} drop`;
  const back = `ip saddr ${API_SERVER_ADDRESS} tcp sport ${API_SERVER_PORT} drop`;
  return {
    what: `${node.name} is cut off from the API server`,
    longestSeconds: 25,
    ...cut(node, "chaos", rule, back),
  };
});

const peersCut = atNode((node) => ({
  what: `${node.name} is cut off from its peers' heartbeats`,
  heavy: true,
  ...cut(node, "chaos", "udp dport 9480 drop", "udp sport 9480 drop", "tcp dport 9480 drop", "tcp sport 9480 drop"),
}));

const paused = (node: LabNode, program: string): Required<Pick<Fault, "begin" | "end">> => ({
  begin: () => signal(node, "STOP", program),
  end: () => signal(node, "CONT", program),
});

const agentPaused = atNode((node) => ({
  what: `the agent of ${node.name} stands still`,
  agentAway: node.name,
  ...paused(node, "agent"),
}));

const agentKilled = atNode((node) => ({
  what: `the agent of ${node.name} is killed`,
  agentAway: node.name,
  begin: () => signal(node, "KILL", "agent"),
}));

const agentReplaced = atNode((node, setting) => {
  const here = (pod: KubeObject): boolean => (pod as { spec?: { nodeName?: string } }).spec?.nodeName === node.name;
  return {
    what: `the agent's Pod on ${node.name} is deleted`,
    agentAway: node.name,
    begin: async () => {
      const name = await firstPod(setting, `app.kubernetes.io/component=${AGENT.replace("podpin-", "")}`, here);
      await kubectl(setting, "delete", "pod", "-n", PODPIN_NAMESPACE, name, "--wait=false");
    },
  };
});

async function leaderOf(setting: Setting): Promise<string> {
  const lease = await setting.cluster.find<KubeObject>("lease", PODPIN_NAMESPACE, CONTROLLER);
  const holder = (lease as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity ?? "";
  return firstPod(setting, "app.kubernetes.io/component=controller", ({ metadata }) =>
    holder.startsWith(`${metadata.name}_`),
  );
}

const leaderDeleted: Draw = (setting) => ({
  what: "the Pod of the leading controller is deleted",
  on: "controller",
  begin: async () => {
    const name = await leaderOf(setting);
    await kubectl(
      setting,
      "delete",
      "pod",
      "-n",
      PODPIN_NAMESPACE,
      name,
      "--wait=false",
      "--grace-period=0",
      "--force",
    );
  },
});

const controllersPaused = atNode((node) => ({
  what: `controllers on ${node.name} stand still`,
  ...paused(node, "controller"),
}));

const apiPaused: Draw = ({ lab }) => ({
  what: "the API server stands still",
  on: "api",
  begin: async () => lab.controlPlane.pauseApiServer(),
  end: async () => lab.controlPlane.resumeApiServer(),
});

const apiRestarted: Draw = ({ lab }) => ({
  what: "the API server is killed and started",
  on: "api",
  begin: () => lab.controlPlane.restartApiServer(),
});

const cordoned = atNode(({ name }, setting) => ({
  what: `${name} is cordoned`,
  on: `cordon ${name}`,
  begin: () => kubectl(setting, "cordon", name),
  end: () => kubectl(setting, "uncordon", name),
}));

const FOREIGN: readonly (readonly string[])[] = [
  ["nft", "delete table ip pip_agent"],
  ["nft", "flush table ip pip_agent"],
  ["ip", "route", "flush", "table", "7421"],
  ["ip", "rule", "del", "pref", "700"],
  ["sh", "-c", "ip neigh show proxy | while read a rest; do ip neigh del proxy $a dev eth0; done"],
  ["conntrack", "-F"],
  ["ip", "neigh", "flush", "dev", "eth0"],
];

const foreignChange = atNode((node, _setting, random) => {
  const command = random.pick(FOREIGN);
  return {
    what: `somebody on ${node.name} runs ${command.join(" ")}`,
    on: `${node.name} foreign`,
    begin: () => inside(node, ...command),
  };
});

const forwardingOff = atNode((node) => {
  const set = (value: number) => () => inside(node, "sysctl", "-qw", `net.ipv4.ip_forward=${value}`);
  return { what: `${node.name} forwards nothing`, on: `${node.name} foreign`, begin: set(0), end: set(1) };
});

const bindingEdited: Draw = (setting, random) => {
  const address = random.pick(ALL_ADDRESSES);
  const how = random.pick(["deleted", "given a higher epoch", "rid of its acknowledgements", "rid of its standby"]);
  const patch = (change: unknown, ...args: string[]): Promise<string> =>
    kubectl(setting, "patch", "addressbinding", address, "--type=merge", "-p", JSON.stringify(change), ...args);
  const edit = async (): Promise<unknown> => {
    if (how === "deleted") return kubectl(setting, "delete", "addressbinding", address, "--wait=false");
    if (how === "rid of its standby") return patch({ spec: { standby: null } });
    if (how !== "given a higher epoch") return patch({ status: { acks: [] } }, "--subresource=status");
    const { spec } = await setting.cluster.binding(address);
    return patch({ spec: { epoch: spec.epoch + 5 } });
  };
  return { what: `AddressBinding ${address} is ${how} by hand`, on: address, begin: edit };
};

/** Each as often as it stands here. */
const DRAWS: readonly Draw[] = [
  ...[podDeleted, podDeleted, podDeleted, podRelabelled, podRelabelled, podNotReady, podNotReady, podNotReady],
  ...[routeEdited, routeDeleted, powerOff, switchCut, switchCut, apiCut, apiCut, peersCut],
  ...[agentPaused, agentPaused, agentKilled, agentReplaced, leaderDeleted, controllersPaused, apiPaused, apiRestarted],
  ...[cordoned, foreignChange, foreignChange, foreignChange, forwardingOff, bindingEdited, bindingEdited],
];

export const drawFault: Draw = (setting, random) => random.pick(DRAWS)(setting, random);
