// P6: the controller in a cluster of 5,000 nodes, 150,000 Pods and 10,000 routes, all in a real API server.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { bundle } from "../controller-image/build";
import { addressBinding, gkeApi } from "../lib/crds";
import { AGENT_NODE_OPTIONS } from "../lib/model/agent-daemonset";
import { CONTROLLER_NODE_OPTIONS } from "../lib/model/controller-deployment";
import { Command, CONTROLLER_HEALTH_PORT, PODPIN_NAMESPACE } from "../lib/model/runtime";
import { type ControlPlane, startControlPlane } from "../lab/cluster/control-plane";
import { NamespaceHost } from "../lab/cluster/host";
import { installGatewayApi } from "../lab/cluster/lab";
import { command } from "../lab/parts/command";
import { ensureParts } from "../lab/parts/ensure";
import { labPartsOf } from "../lab/parts/lab-parts";
import { silent } from "../lab/progress";
import { type Bench, type Figure, median, quantile } from "./figure";
import { type RunningChild, startChild } from "./lab/child";
import type { Answer, Ask, DriverSettings } from "./scale/driver";
import { type Program, run, type Running } from "./scale/process";
import { nodeOf, type Size } from "./scale/world";

const ID = "P6";
const SIZE: Size = { nodes: 5_000, pods: 150_000, routes: 10_000 };
const MOVES = 100;
const UNRELATED = { count: 10_000, perSecond: 500 };
const ADDRESS = "172.30.0.1";
const IDLE_MS = 4_000;
/** CPU seconds a second; its Lease and its watches take less. */
const CALM = 0.03;

export const scale: Bench = {
  id: ID,
  title: "the controller in a large cluster",
  async measure(report) {
    const namespace = `pp-scale-${process.pid}`;
    const folder = mkdtempSync(path.join(tmpdir(), "podpin-scale-"));
    await command(["ip", "netns", "add", namespace]);
    let plane: ControlPlane | undefined;
    try {
      const host = new NamespaceHost(namespace, ADDRESS);
      for (const line of [
        "link add b0 type bridge",
        `address add ${ADDRESS}/24 dev b0`,
        "link set b0 up",
        "link set lo up",
      ]) {
        await host.exec(["ip", ...line.split(" ")]);
      }
      report("starting an API server");
      const parts = labPartsOf(await ensureParts(silent));
      plane = await startControlPlane({ parts, bind: ADDRESS, netns: namespace });
      await installGatewayApi(plane, parts);
      const definitions = { apiVersion: "v1", kind: "List", items: [addressBinding, ...gkeApi] };
      await plane.kubectl(["create", "-f", "-"], JSON.stringify(definitions));
      await plane.kubectl(["create", "namespace", PODPIN_NAMESPACE]);
      await plane.kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
      const file = path.join(folder, "podpin.js");
      await bundle(file);
      const program = { namespace, folder, bundle: file, token: plane.token, ca: plane.ca };
      const settings: DriverSettings = { kubeconfig: plane.kubeconfig, size: SIZE };
      const driver = startChild<Answer>(host, path.join(__dirname, "scale/driver.ts"), settings);
      try {
        return await measured(driver, { host, program, server: new URL(plane.server) }, report);
      } finally {
        driver.stop();
      }
    } finally {
      await plane?.stop();
      await command(["ip", "netns", "delete", namespace]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Place {
  readonly host: NamespaceHost;
  readonly program: Omit<Program, "args" | "env">;
  readonly server: URL;
}

async function measured(driver: RunningChild<Answer>, place: Place, report: (doing: string) => void) {
  const ask = async (what: Ask): Promise<Answer> => {
    driver.tell(what);
    for (;;) {
      const answer = await driver.next();
      if (answer.done === what.do) return answer;
      if (answer.doing !== undefined) report(answer.doing);
    }
  };
  report("filling it");
  await ask({ do: "load" });
  let controller = startController(place);
  report("every route for the first time");
  await ask({ do: "settle" });
  await quiet(place, controller, report);
  await controller.stop();

  report("starting the controller again");
  controller = startController(place);
  const coldStart = (await quiet(place, controller, report)) - controller.startedAt;
  const written = await writes(place);
  const memory = controller.memory();

  /** CPU time of one event of a Pod that no route is about, in microseconds. */
  const unrelated = async (): Promise<number> => {
    report("changing Pods that no route is about");
    await calm(controller);
    const [cpu, began] = [controller.cpu(), performance.now()];
    await ask({ do: "unrelated", ...UNRELATED });
    await quiet(place, controller, report);
    const [spent, seconds] = [controller.cpu() - cpu, (performance.now() - began) / 1000];
    await calm(controller);
    const busy = spent - (await idleCpu(controller)) * seconds;
    return (busy / UNRELATED.count) * 1e6;
  };
  const before = await writes(place);
  const untold = await unrelated();
  const unrelatedWrites = (await writes(place)) - before;

  const moves: number[] = [];
  const beforeMoves = await writes(place);
  for (let route = 0; route < MOVES; route++) {
    report(`move ${route + 1} of ${MOVES}`);
    moves.push((await ask({ do: "move", route })).ms ?? Number.NaN);
  }
  await quiet(place, controller, report);
  const perMove = ((await writes(place)) - beforeMoves) / MOVES;
  const memoryAfter = controller.memory();

  report("a route whose Pods no label tells");
  await ask({ do: "any" });
  await quiet(place, controller, report);
  const [memoryOfAll, told] = [controller.memory(), await unrelated()];
  await controller.stop();

  report("starting an agent");
  const agent = startAgent(place);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const agentMemory = agent.memory();
  await agent.stop();

  const figure = (metric: string, value: number, unit: string, goal: number | null): Figure => {
    return { id: ID, metric, value, unit, floor: null, goal, ok: goal === null || value <= goal };
  };
  return {
    figures: [
      figure(
        "planned move, the controller's part and two writes of a stand-in for the agents, p50",
        median(moves),
        "ms",
        30,
      ),
      figure("the same, p99", quantile(moves, 0.99), "ms", 150),
      figure("controller, resident memory", Math.max(memory, memoryAfter), "MiB", 160),
      figure("agent, resident memory", agentMemory, "MiB", 64),
      figure("CPU of the controller for a Pod event that concerns no route", untold, "µs", 15),
      figure("the same where every Pod has to be watched, as no label tells the Pods of one route", told, "µs", null),
      figure("controller, resident memory there", memoryOfAll, "MiB", null),
      figure("writes for such events", unrelatedWrites, "writes", 0),
      figure("API writes of the controller for a move", perMove, "writes", 4),
      figure("cold start until all is reconciled", coldStart / 1000, "s", 15),
      figure("writes of the controller when nothing has changed since its last life", written, "writes", null),
    ],
    raw: {
      size: SIZE,
      moves,
      memory,
      memoryAfter,
      agentMemory,
      untold,
      told,
      memoryOfAll,
      coldStart,
      unrelated: UNRELATED,
    },
  };
}

const inCluster = (server: URL) => ({ KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port });

function startController({ program, server }: Place): Running {
  const env = {
    ...inCluster(server),
    POD_NAME: "podpin-controller-0",
    POD_NAMESPACE: PODPIN_NAMESPACE,
    NODE_OPTIONS: CONTROLLER_NODE_OPTIONS,
  };
  return run({ ...program, args: [Command.Controller], env });
}

function startAgent({ program, server }: Place): Running {
  const own = {
    NODE_NAME: nodeOf(1),
    NODE_IP: ADDRESS,
    POD_NAMESPACE: PODPIN_NAMESPACE,
    NODE_OPTIONS: AGENT_NODE_OPTIONS,
  };
  return run({ ...program, args: [Command.Agent], env: { ...inCluster(server), ...own } });
}

/** The controller's metrics, by their names with labels. */
async function metrics({ host }: Place): Promise<ReadonlyMap<string, number>> {
  const read = `fetch("http://${ADDRESS}:${CONTROLLER_HEALTH_PORT}/metrics").then((answer) => answer.text()).then(console.log)`;
  const { stdout } = await host.exec([process.execPath, "-e", read]);
  const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

/** Writes to the API server so far, but for the Lease and Events. */
async function writes(place: Place): Promise<number> {
  const found = [...(await metrics(place))];
  const sum = (of: RegExp): number =>
    found.filter(([name]) => of.test(name)).reduce((all, [, value]) => all + value, 0);
  const sent = sum(/^podpin_api_requests_total\{lane="request",method="(POST|PUT|PATCH|DELETE)"/);
  return sent - sum(/^podpin_events_total/);
}

/** Waits until the controller leads, its queue is empty and it writes nothing; answers when the last change of that was. */
async function quiet(place: Place, controller: Running, report: (doing: string) => void): Promise<number> {
  let last = "";
  let since = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const found = await metrics(place).catch(() => new Map<string, number>());
    const reconciles = [...found].filter(([name]) => name.startsWith("podpin_reconcile_seconds_count"));
    const state = JSON.stringify([found.get("podpin_is_leader"), reconciles]);
    if (state !== last) [last, since] = [state, performance.now()];
    report(`waiting for quiet, ${Math.round(controller.memory())} MiB`);
    const keys = (state: string): number => found.get(`podpin_queue_keys{state="${state}"}`) ?? 0;
    // What was refused is tried again half a minute later at the latest.
    const patienceMs = keys("delayed") > 0 ? 30_000 : 3_000;
    const idle = keys("waiting") + keys("running") === 0 && performance.now() - since > patienceMs;
    if (found.get("podpin_is_leader") === 1 && reconciles.length > 0 && idle) return since;
  }
}

/** CPU seconds in a second in which nothing happens. */
async function idleCpu(controller: Running): Promise<number> {
  const [before, began] = [controller.cpu(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  return (controller.cpu() - before) / ((performance.now() - began) / 1000);
}

/** Waits until what the controller tidies up behind its back, garbage above all, is done. */
async function calm(controller: Running): Promise<void> {
  for (let before = Infinity; ;) {
    const now = await idleCpu(controller);
    if (now < CALM || now >= 0.9 * before) return;
    before = now;
  }
}
