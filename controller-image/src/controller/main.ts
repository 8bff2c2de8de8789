// `podpin controller`: the real parts around the controller.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { gkeApi } from "../../../lib/crds/index";
import { isIPv4Cidr } from "../../../lib/model/address";
import { CONTROLLER_HEALTH_PORT, Flag, PODPIN_NAMESPACE } from "../../../lib/model/runtime";
import {
  createKube,
  createLeaseApi,
  inClusterConfig,
  jsonLog,
  Metrics,
  processMetrics,
  startHealth,
  systemClock,
} from "../kube/index";
import type { RequestRecord } from "../kube/transport";
import { randomNonce, udpWire } from "../liveness/wire";
import { runController } from "./controller";

/** A flag's name without its dashes, as the parser wants it. */
const name = (flag: string): string => flag.replace(/^--/, "");

/** Runs until SIGTERM or SIGINT. Rejects at once, naming all of them, when the flags are wrong. */
export async function controllerMain(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): Promise<void> {
  const { installGkeApi, clusterCidrs } = readFlags(args);
  const log = jsonLog({ fields: { component: "controller" } });
  const metrics = new Metrics();
  const stopLagWatch = processMetrics(metrics, systemClock, version);
  const requests = metrics.counter("podpin_api_requests_total", "Requests to the API server; status 0: no answer.");
  const connection = {
    config: inClusterConfig(env),
    clock: systemClock,
    log,
    userAgent: `podpin-controller/${version}`,
    onRequest: ({ lane, method, status }: RequestRecord) => requests.add({ lane, method, status: String(status) }),
  };
  const kube = createKube(connection);
  const leases = createLeaseApi(connection);
  const podName = env["POD_NAME"] ?? hostname();
  const controller = runController({
    kube,
    leases,
    podName,
    identity: `${podName}_${randomUUID()}`,
    clock: systemClock,
    log,
    namespace: env["POD_NAMESPACE"] ?? PODPIN_NAMESPACE,
    clusterCidrs,
    definitions: installGkeApi ? gkeApi : [],
    metrics,
    heartbeats: {
      wire: udpWire({ clock: systemClock, log }),
      ownNode: env["NODE_NAME"] ?? "",
      nonce: randomNonce,
    },
  });
  const health = await startHealth({
    host: "0.0.0.0",
    port: CONTROLLER_HEALTH_PORT,
    log,
    notReady: () => controller.problems(),
    metrics: () => metrics.text(),
  });
  log("info", "controller started", { version });
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  log("info", "controller stops");
  await controller.stop();
  stopLagWatch();
  await health.close();
  leases.close();
  kube.close();
}

function readFlags(args: readonly string[]): { installGkeApi: boolean; clusterCidrs: readonly string[] } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      [name(Flag.InstallGkeApi)]: { type: "boolean" },
      [name(Flag.ClusterCidr)]: { type: "string", multiple: true },
    },
  });
  const clusterCidrs = (values[name(Flag.ClusterCidr)] ?? []) as string[];
  const wrong = clusterCidrs.filter((cidr) => !isIPv4Cidr(cidr));
  if (wrong.length > 0) {
    throw new Error(`${Flag.ClusterCidr}: got ${wrong.join(", ")}; use IPv4 ranges such as 10.0.0.0/8`);
  }
  return { installGkeApi: values[name(Flag.InstallGkeApi)] === true, clusterCidrs };
}
