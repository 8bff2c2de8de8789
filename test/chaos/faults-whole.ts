// What goes as a whole: a definition with every object of its kind, a namespace with all that is in it, all Pods of a workload.
import { RESOURCES } from "../../lib/model/kubernetes";
import { AGENT, CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { type Draw, everywhere, type Fault, kubectl } from "./fault";
import { NAMESPACE, type Setting } from "./setting";

const GONE_WITHIN_MS = 120_000;

/** Waits for its end before it is put back, as whoever applies everything anew has to. */
const deleted = (setting: Setting, kind: string, name: string): Required<Pick<Fault, "begin" | "end">> => ({
  begin: () => kubectl(setting, "delete", kind, name, "--wait=false"),
  end: () =>
    setting.cluster.until(
      `${kind} ${name} is gone and put back`,
      async () => {
        const found = await setting.cluster.find(kind, "default", name);
        if (found?.metadata.deletionTimestamp !== undefined) return undefined;
        return setting.putBack().then(() => true);
      },
      GONE_WITHIN_MS,
    ),
});

/** GKE's are deleted with podpin's, and are made by the controller. */
const definitionDeleted: Draw = (setting, random) => {
  const { plural, group, kind } = random.pick([RESOURCES.addressBindings, RESOURCES.gkeIpRoutes]);
  return {
    what: `the definition of ${kind} is deleted`,
    on: "definition",
    longestSeconds: 20,
    ...deleted(setting, "customresourcedefinition", `${plural}.${group}`),
  };
};

const namespaceDeleted: Draw = (setting, random) => {
  const name = random.pick([NAMESPACE, PODPIN_NAMESPACE]);
  const ofPodpin = name === PODPIN_NAMESPACE;
  return {
    what: `namespace ${name} is deleted`,
    on: "whole namespace",
    agentAway: ofPodpin ? everywhere(setting) : undefined,
    agentAnew: ofPodpin,
    ...deleted(setting, "namespace", name),
  };
};

const rolledOut: Draw = (setting, random) => {
  const workload = random.pick([`deployment/${CONTROLLER}`, `daemonset/${AGENT}`]);
  const rollout = (verb: string, ...args: string[]) =>
    setting.cluster.kubectl("rollout", verb, "-n", PODPIN_NAMESPACE, workload, ...args);
  return {
    what: `${workload} is rolled out anew`,
    on: "rollout",
    agentAway: workload.endsWith(AGENT) ? everywhere(setting) : undefined,
    agentAnew: true,
    begin: () => rollout("restart"),
    end: () => rollout("status", "--timeout=120s"),
  };
};

export const WHOLE_FAULTS = { definitionDeleted, namespaceDeleted, rolledOut };
