// What happens to a Pod's own processes and interface, where its node sees them.
import { asPattern, atNode, type Draw, Program, signal } from "./fault";
import { ADDRESSES, NAMESPACE, POD_NAMES, type Setting } from "./setting";

/** Runs a command for each process of a Pod whose command line says this; `$pid` is the process. */
async function forEachProcess(setting: Setting, name: string, program: string, command: string): Promise<void> {
  const pod = await setting.cluster.pod(NAMESPACE, name);
  const node = setting.cluster.node(pod?.spec?.nodeName ?? "");
  const uid = pod?.metadata.uid ?? "";
  const found = `for pid in $(pgrep -f '${asPattern(program)}'); do grep -q '${uid}' /proc/$pid/cgroup && echo $pid; done`;
  const each = `pids=$(${found}); [ -n "$pids" ] || exit 7; for pid in $pids; do ${command} || exit 1; done`;
  const { code, stderr } = await node.execInside(["sh", "-c", each]);
  if (code === 7) throw new Error(`${name} runs no ${program}`);
  if (code !== 0) throw new Error(stderr.trim());
}

/** The kubelet starts them again, in the same sandbox. */
const applicationsKilled = atNode((node) => ({
  what: `the applications on ${node.name} are killed`,
  on: `${node.name} applications`,
  begin: () => signal(node, "KILL", Program.Application),
}));

/** The kubelet gives the Pod, whose UID stays, another network namespace and mostly another address. */
const sandboxKilled: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  return {
    what: `the sandbox of Pod ${name} is killed`,
    on: `${name} sandbox`,
    begin: () => forEachProcess(setting, name, "sleep infinity", "kill -KILL $pid"),
  };
};

const addressDropped: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  const drop = ADDRESSES.interface.map((address) => `nsenter -t $pid -n ip address flush dev eth0 to ${address}/32`);
  return {
    what: `somebody in Pod ${name} takes ${ADDRESSES.interface.join(", ")} off its interface`,
    on: `${name} addresses`,
    begin: () => forEachProcess(setting, name, Program.Application, drop.join(" && ")),
  };
};

export const POD_FAULTS = { applicationsKilled, sandboxKilled, addressDropped };
