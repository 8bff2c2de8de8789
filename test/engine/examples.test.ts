// Every example as a stranger would run it: from its own folder, with the library as it is published, by the real engine
// and against a real API server. The cloud is two stand-ins, for Compute and for the gcp plugin; the rest of the cluster is pretended.
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../controller-image/src/kube/clock";
import { ComputeCloud, type ComputeServer, serveCompute } from "../../lab/cloud";
import type { ControlPlane } from "../../lab/cluster/control-plane";
import { installGatewayApi } from "../../lab/cluster/lab";
import { preparePulumi, stack, type PulumiEnv, type RunResult } from "../../lab/pulumi/engine";
import { REPOSITORY } from "../../lab/pulumi/package";
import { command } from "../../lab/parts/command";
import { Cloud } from "../../lab/pulumi/gcp-plugin/cloud";
import { stageExample } from "../../lab/pulumi/stage";
import { gkeApi } from "../../lib/crds";
import { loopbackControlPlane } from "../support/control-plane";
import { parts } from "../support/parts";
import { computeAddress } from "./config-connector";
import { EXAMPLES, PROJECT, type Example, type World } from "./examples";
import { inTurns } from "./in-turns";
import { migrate } from "./migrating";
import { pretendCluster, type PretendCluster } from "./pretend-cluster";

/** Engines at the same time. */
const AT_ONCE = 3;

let dir: string;
let cluster: ControlPlane;
let pretended: PretendCluster;
let env: PulumiEnv;
let computeServer: ComputeServer;
let world: World;
const lives = new Map<string, Promise<void>>();
let chartLife: Promise<void>;
let migration: Promise<void>;

beforeAll(async () => {
  const found = await parts("pulumi", "pulumi-language-nodejs", "gateway-api-crds");
  dir = mkdtempSync(join(tmpdir(), "podpin-examples-"));
  cluster = await loopbackControlPlane({ controllers: true });
  await cluster.kubectl(
    ["apply", "--server-side", "-f", "-"],
    JSON.stringify({ ...LIST, items: [...gkeApi, computeAddress] }),
  );
  await installGatewayApi(cluster, { gatewayApiCrds: found["gateway-api-crds"] });
  pretended = await pretendCluster(cluster.kubeconfig);
  const compute = new ComputeCloud({ clock: systemClock, projects: [PROJECT], operation: 20 });
  computeServer = await serveCompute(compute);
  const computeUrl = `${computeServer.url}compute/v1/`;
  env = await preparePulumi({
    parts: { pulumi: found.pulumi, pulumiLanguageNodejs: found["pulumi-language-nodejs"] },
    dir,
    standIns: ["gcp"],
    controlPlane: { endpoint: new URL(cluster.server).host, ca: cluster.ca, token: cluster.token },
    compute: computeUrl,
  });
  world = { cluster, compute, computeUrl, cloud: new Cloud(join(dir, "gcp.json")) };
  // All of them start now, a few at a time; each test waits for its own.
  const turn = inTurns(AT_ONCE);
  for (const example of EXAMPLES) {
    const life = turn(() => live(example));
    life.catch(() => undefined);
    lives.set(example.name, life);
  }
  chartLife = turn(() => liveChart());
  chartLife.catch(() => undefined);
  migration = turn(() => migrate(cluster, env, dir));
  migration.catch(() => undefined);
}, 120_000);

afterAll(async () => {
  await Promise.allSettled([...lives.values(), chartLife, migration]);
  await pretended?.stop();
  await cluster?.stop();
  await computeServer?.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

jest.setTimeout(180_000);

const LIST = { apiVersion: "v1", kind: "List" };

test.each(EXAMPLES.map(({ name, title }) => ({ name, title })))("$name $title", async ({ name }) => {
  await lives.get(name);
});

test("cdk8s-config-connector becomes a manifest that the API server takes to the letter, and each Pod has its address", async () => {
  await chartLife;
});

test("the program of docs/migrating.md takes over the objects of its YAML, each the very one that kubectl made", async () => {
  await migration;
});

test("every Pulumi program among the examples is one of them, but for those that the lab runs", async () => {
  const entries = await readdir(join(REPOSITORY, "examples"), { withFileTypes: true });
  const folders = await Promise.all(
    entries.map(async ({ name }) => {
      const files = await readdir(join(REPOSITORY, "examples", name));
      return files.includes("Pulumi.yaml") ? [name] : [];
    }),
  );
  const ranInTheLab = ["proxy-ss", "whole-stack"];
  expect([...EXAMPLES.map(({ name }) => name), ...ranInTheLab].sort()).toEqual(folders.flat().sort());
});

test("nothing that the stand-in for Compute answered was not as Google's schema says", async () => {
  await Promise.allSettled(lives.values());
  expect(computeServer.mistakes).toEqual([]);
});

/** Preview, up, a second up that changes nothing, destroy; nothing of it is left. */
async function live(example: Example): Promise<void> {
  const program = join(dir, example.name);
  await stageExample(join(REPOSITORY, "examples", example.name), program);
  await example.before?.(world);
  const config = { "gcp:project": PROJECT, "gcp:region": "us-central1", ...SETUP, ...example.config };
  const open = (typeCheck: boolean) =>
    stack({ env, program, name: "dev", config, kubeconfig: cluster.kubeconfig, typeCheck });
  const deployed = await open(false);
  const preview = succeeded(await (example.typeCheck === true ? await open(true) : deployed).preview());
  const up = succeeded(await deployed.up());
  // What a preview shows is what happens.
  expect(preview.changes).toEqual(up.changes);
  await example.check({ ...world, outputs: await deployed.outputs(), up });
  const again = succeeded(await deployed.up());
  expect(again.changes).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
  await example.beforeDestroy?.(deployed, world);
  succeeded(await deployed.destroy());
  const { deployment } = JSON.parse(await deployed.state()) as { deployment: { resources?: unknown[] } };
  expect(deployment.resources ?? []).toEqual([]);
  await example.after?.(world);
}

/** Synthesised as a user does it, applied, Ready, deleted. */
async function liveChart(): Promise<void> {
  const folder = join(dir, "cdk8s-config-connector");
  await stageExample(join(REPOSITORY, "examples/cdk8s-config-connector"), folder);
  await command([process.execPath, join(folder, "node_modules/ts-node/dist/bin.js"), "main.ts"], {
    name: "npm run synth",
    cwd: folder,
    env: { ...process.env, PROJECT: "my-project", SETUP_IMAGE: SETUP.setupImage, TS_NODE_TRANSPILE_ONLY: "true" },
  });
  const manifest = ["-f", join(folder, "dist/broker.k8s.yaml")];
  await cluster.kubectl(["apply", "--validate=strict", ...manifest]);
  await cluster.kubectl(["wait", "--for=condition=Ready", "gkeiproutes", "-n", "broker-kcc", "--all", "--timeout=60s"]);
  const read = async (kind: string): Promise<{ metadata: { name: string }; spec: Record<string, unknown> }[]> =>
    (JSON.parse(await cluster.kubectl(["get", kind, "-n", "broker-kcc", "-o", "json"])) as { items: never[] }).items;
  const addresses = ["10.128.0.20", "10.128.0.21", "10.128.0.22"];
  expect((await read("computeaddresses")).map(({ spec }) => [spec["address"], spec["location"]])).toEqual(
    addresses.map((address) => [address, "us-central1"]),
  );
  expect((await read("gkeiproutes")).map(({ metadata, spec }) => [metadata.name, spec["addresses"]])).toEqual(
    addresses.map((address, i) => [`broker-${i}`, [{ type: "gke.networking.io/cidr", value: `${address}/32` }]]),
  );
  await cluster.kubectl(["delete", "--timeout=60s", ...manifest]);
}

const SETUP = { setupImage: "registry.example.com/tools/podpin:0.1.0", protectAddresses: "false" };

function succeeded(result: RunResult): RunResult {
  if (!result.ok) throw new Error(`the engine ended with code ${result.code}\n${result.stdout}\n${result.stderr}`);
  return result;
}
