// `podpin controller`: the real parts around the controller.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { gkeApi } from "../../../lib/crds/index";
import { CloudKind } from "../../../lib/model/binding";
import { CONTROLLER_HEALTH_PORT, PODPIN_NAMESPACE } from "../../../lib/model/runtime";
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
import type { CloudAccess, CloudParts } from "../fabric/cloud";
import { googleCloud } from "../fabric/gce/make";
import { runController } from "./controller";
import { type ControllerFlags, readFlags } from "./flags";

type CloudOf = (flags: ControllerFlags, parts: CloudParts) => CloudAccess | undefined;

/** Access to each cloud, where the flags give it. A cluster is in one of them. */
const CLOUD_ACCESS: Readonly<Record<CloudKind, CloudOf>> = {
  [CloudKind.GoogleCloud]: (flags, parts) => flags.googleCloud && googleCloud({ ...flags.googleCloud, ...parts }),
};

/** Runs until SIGTERM or SIGINT. Rejects at once, naming all of them, when the flags are wrong. */
export async function controllerMain(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): Promise<void> {
  const flags = readFlags(args);
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
  const parts = { clock: systemClock, log, metrics, version };
  const [cloud] = Object.values(CLOUD_ACCESS).flatMap((access) => access(flags, parts) ?? []);
  const podName = env["POD_NAME"] ?? hostname();
  const controller = runController({
    kube,
    leases,
    podName,
    identity: `${podName}_${randomUUID()}`,
    clock: systemClock,
    log,
    namespace: env["POD_NAMESPACE"] ?? PODPIN_NAMESPACE,
    clusterCidrs: flags.clusterCidrs,
    definitions: flags.installGkeApi ? gkeApi : [],
    metrics,
    cloud: cloud?.fabric,
    machineState: flags.googleCloud?.replaceLostPods === true ? cloud?.machineState : undefined,
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
