// The whole stack on a lab of its own, with real nodes and real packets: brought up by an engine that is killed on its way, and
// brought down again.
import { join } from "node:path";

import { installGatewayApi, startLab, type Lab } from "../../lab/cluster/lab";
import { startProbe } from "../../lab/cluster/probe";
import type { RunResult } from "../../lab/pulumi/engine";
import { Cloud } from "../../lab/pulumi/gcp-plugin/cloud";
import { Provider } from "../../lab/pulumi/gcp-plugin/provider";
import { pendingCreates, type PendingCreate } from "../../lab/pulumi/pending";
import type { JsonObject } from "../../lab/pulumi/plugin/values";
import { controlPlaneOf, labStack, type LabStack } from "../../lab/stack";
import { labOptions } from "../../lab/start";
import { gceSetting, type Setting } from "../../lab/steps/setting";
import { Cluster } from "../../lab/steps/cluster";
import { type LabCloud, startCloud } from "../../lab/vpc/start";
import { preparedLab } from "../support/own-lab";

jest.setTimeout(1_200_000);

let lab: Lab;
let cluster: Cluster;
let cloud: LabCloud;
let setting: Setting;
let pulumi: LabStack;
let file: Cloud;

beforeAll(async () => {
  const prepared = await preparedLab();
  const options = labOptions(prepared);
  lab = await startLab(options);
  await installGatewayApi(lab, options.parts);
  cluster = new Cluster(lab);
  cloud = await startCloud(lab);
  setting = gceSetting(prepared.images.podpinImage, cloud);
  pulumi = await labStack(lab, prepared.parts, setting, cloud);
  file = new Cloud(join(pulumi.env.dir, "gcp.json"));
}, 1_800_000);

afterAll(async () => {
  await cloud?.stop();
  await lab?.stop();
});

/** Of an engine that was killed. */
const KILLED = 137;

/** What becomes so on the way of a deployment. */
const MOMENTS: readonly (readonly [string, () => Promise<boolean>])[] = [
  ["addresses are made", async () => (await cloud.inventory()).some((link) => link.includes("/addresses/"))],
  ["the controller starts", async () => exists("deployment", "podpin-system", "podpin-controller")],
  ["the routes are there", async () => exists("gkeiproute", setting.namespace, setting.route)],
];

async function exists(kind: string, namespace: string, name: string): Promise<boolean> {
  // Before the definitions are there the kind is unknown.
  return (await cluster.find(kind, namespace, name).catch(() => undefined)) !== undefined;
}

test("after an engine was killed on its way the next up goes on, and after a destroy was killed the next one leaves nothing", async () => {
  const { stack } = pulumi;
  let kills = 0;
  for (const [moment, holds] of MOMENTS) {
    // The engine works at several things at once: on its way to one moment it may have passed the next.
    if (await holds()) continue;
    const { code, stdout, stderr } = await killedWhen((killing) => stack.up({ kill: killing }), holds);
    // Where the machine was so slow that the engine came to its end first, there is nothing to mend.
    if (code === 0) break;
    expect([moment, code, code === KILLED ? "" : stdout + stderr]).toEqual([moment, KILLED, ""]);
    kills++;
    await removeUnknown(await stack.state());
    succeeded(await stack.refresh({ forgetPending: true }));
  }
  expect(kills).toBeGreaterThan(0);
  succeeded(await stack.up());
  const { allowList } = (await stack.outputs()) as { allowList: readonly string[] };
  const pods = ["amf-0", "amf-1", "proxy-0", "proxy-0"];
  expect(allowList).toHaveLength(pods.length);
  for (const [i, address] of allowList.entries()) {
    await cluster.until(`${address} leads to ${pods[i] ?? ""}`, async () => {
      const probe = await startProbe(lab.client, { address, protocol: "tcp", intervalMs: 50, maxSeconds: 0.2 });
      const names = (await probe.result).answerers.map(({ hostname }) => hostname);
      return names.join() === pods[i] ? true : Promise.reject(new Error(`answered by ${names.join(", ") || "nobody"}`));
    });
  }
  expect((await stack.up()).changes).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });

  // What its killed predecessor was about to delete, or has deleted without saying so, a destroy takes as it is.
  const { code } = await killedWhen(
    (killing) => stack.destroy({ kill: killing }),
    async () => !(await exists("gkeiproute", setting.namespace, setting.route)),
  );
  expect([0, KILLED]).toContain(code);
  succeeded(await stack.destroy());
  expect(await cloud.inventory()).toEqual([]);
  expect([...(await file.resources()).keys()]).toEqual([]);
  const left = await cluster.until("nothing of podpin is left", async () => {
    const names = (await cluster.list("namespaces,clusterroles,customresourcedefinitions,gatewayclasses")).map(
      ({ metadata }) => metadata.name,
    );
    const ours = names.filter((name) => /podpin|networking\.gke\.io|edge/.test(name));
    return ours.length === 0 ? ours : Promise.reject(new Error(`found ${ours.join(", ")}`));
  });
  expect(left).toEqual([]);
});

/** Runs the engine and kills it once something holds, unless it ends before. */
async function killedWhen(
  run: (killing: AbortSignal) => Promise<RunResult>,
  holds: () => Promise<boolean>,
): Promise<RunResult> {
  const killing = new AbortController();
  let ended = false;
  const running = run(killing.signal).finally(() => (ended = true));
  while (!ended && !(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
  killing.abort();
  return running;
}

/** Deletes what the engine was about to make and did make, as a person does who finds it in the exported state. */
async function removeUnknown(state: string): Promise<void> {
  await quiet();
  const ca = Buffer.from(lab.controlPlane.ca).toString("base64");
  const provider = new Provider(file, cloud.calls, { ...controlPlaneOf(lab), ca });
  provider.configure({ project: cloud.project, region: "us-central1" });
  for (const one of pendingCreates(state)) {
    if (one.type.startsWith("gcp:")) await removeInCloud(provider, one);
    else if (one.type.startsWith("kubernetes:")) await removeInCluster(one);
  }
}

/** Waits until nothing is under way in the cloud: what was asked of it before the kill comes to its end. */
async function quiet(): Promise<void> {
  const scopes = ["global", "regions/us-central1", ...["a", "b", "c"].map((zone) => `zones/us-central1-${zone}`)];
  await cluster.until("every operation is DONE", async () => {
    const lists = scopes.map((scope) => cloud.calls.list(`projects/${cloud.project}/${scope}/operations`));
    return (await Promise.all(lists)).flat().every(({ status }) => status === "DONE") || undefined;
  });
}

async function removeInCloud(provider: Provider, { urn, inputs }: PendingCreate): Promise<void> {
  const found = await provider.read(urn, await provider.newId(urn, inputs as JsonObject), {}, {});
  if (found !== undefined) await provider.delete(urn, found.id, {});
}

async function removeInCluster({ inputs }: PendingCreate): Promise<void> {
  const { apiVersion, kind, metadata } = inputs as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  };
  const object = JSON.stringify({ apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace } });
  await lab.kubectl(["delete", "-f", "-", "--ignore-not-found", "--timeout=60s"], object);
}

function succeeded(result: RunResult): void {
  if (!result.ok) throw new Error(`the engine ended with code ${result.code}\n${result.stdout}\n${result.stderr}`);
}
