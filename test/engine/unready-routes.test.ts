// What a user reads when a route does not become Ready: the library as it is published, the real engine, a real API server.
// Nobody serves the routes; the tests say what a controller would.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { build } from "esbuild";

import { installGatewayApi } from "../../lab/cluster/lab";
import { command } from "../../lab/parts/command";
import { WITHOUT_ERROR_HOOKS } from "../../lab/pulumi/engine";
import { stageExample } from "../../lab/pulumi/stage";
import { parts } from "../support/parts";
import { startBench, type Bench } from "./objects-program";

interface Answer {
  readonly ok: boolean;
  readonly diagnostics: readonly { readonly severity: string; readonly urn?: string; readonly message: string }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly urns: readonly string[];
}

let bench: Bench;
let folder: string;

beforeAll(async () => {
  bench = await startBench();
  const { "gateway-api-crds": gatewayApiCrds } = await parts("gateway-api-crds");
  await installGatewayApi(bench.cluster, { gatewayApiCrds });
  folder = join(bench.env.dir, "unready");
  await stageExample(join(__dirname, "programs/unready"), folder);
  const bundle = { platform: "node", packages: "external", bundle: true } as const;
  await build({ entryPoints: [join(folder, "index.ts")], outfile: join(folder, "index.js"), ...bundle });
}, 120_000);

afterAll(async () => bench?.stop());

jest.setTimeout(300_000);

/** @param options.NODE_OPTIONS without it the SDK finds error hooks */
async function run(args: readonly string[], options: { readonly NODE_OPTIONS?: string } = {}): Promise<Answer> {
  const { PATH, ...variables } = bench.env.variables;
  const state = join(bench.env.dir, "unready-state");
  mkdirSync(state, { recursive: true });
  const env = {
    ...variables,
    NODE_OPTIONS: "",
    ...options,
    PATH: `${PATH}:${dirname(bench.env.pulumi)}`,
    PULUMI_BACKEND_URL: `file://${state}`,
    KUBECONFIG: bench.cluster.kubeconfig,
  };
  const node = join(bench.env.dir, "bin/node");
  return JSON.parse(await command([node, "index.js", ...args], { name: "the program", cwd: folder, env })) as Answer;
}

const GKE = "served-by-gke";
const PODPIN = "served-by-podpin";

function condition(type: string, status: string, reason: string, message: string): object {
  const lastTransitionTime = "2026-11-01T00:00:00Z";
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime };
}

/** As soon as the route is there. */
async function setConditions(name: string, conditions: readonly object[]): Promise<void> {
  await bench.cluster.kubectl(["wait", "--for=create", `gkeiproute/${name}`, "--timeout=30s"]);
  const patch = JSON.stringify({ status: { conditions } });
  await bench.cluster.kubectl(["patch", "gkeiproute", name, "--subresource=status", "--type=merge", "-p", patch]);
}

/** What was said as an error below the component. */
function saidOf({ diagnostics }: Answer, component: string): readonly string[] {
  return diagnostics
    .filter(({ severity, urn }) => severity === "error" && urn?.endsWith(`::podpin:index:PinnedPodRoute::${component}`))
    .map(({ message }) => message);
}

const accepted = condition("Accepted", "True", "Accepted", "the route is accepted");
const ready = condition("Ready", "True", "ProgrammingComplete", "");

test("says which condition is not True, why, and what to do; forgets it once the route is Ready", async () => {
  // One at a time: the first that fails ends the deployment, and with it the other's chance to be read.
  const up = run(["up", PODPIN, "8"]);
  const lost = "no Pod matches the selector";
  await setConditions(PODPIN, [
    condition("Ready", "False", "NoPodsFound", lost),
    condition("DPV2Ready", "Unknown", "NoPodsFound", lost),
    condition("GCPReady", "Unknown", "NoPodsFound", lost),
    accepted,
  ]);
  const failed = await up;
  expect(failed.ok).toBe(false);
  expect(saidOf(failed, PODPIN)).toEqual([
    [
      "GKEIPRoute default/served-by-podpin was not Ready after 8 s:",
      "  GCPReady: Unknown, NoPodsFound: no Pod matches the selector",
      "    what to do: check that a Pod in the namespace of the route has the labels of podSelector, has a node, and with ReadyCondition is Ready: kubectl get pods --show-labels",
      "  DPV2Ready: Unknown, NoPodsFound: no Pod matches the selector",
      "  Ready: False, NoPodsFound: no Pod matches the selector",
      "  all that is known: npx podpin explain served-by-podpin --namespace default",
    ].join("\n"),
  ]);
  expect(saidOf(failed, GKE)).toEqual([]);
  // An update of the route, which did not wait for it before.
  const updated = await run(["up", GKE, "2"]);
  expect([updated.ok, saidOf(updated, PODPIN)]).toEqual([false, []]);
  expect(saidOf(updated, GKE)).toEqual([
    [
      "GKEIPRoute default/served-by-gke was not Ready after 2 s:",
      "  it has no conditions: no controller has looked at it",
      "    what to do: check that the cluster is GKE Standard from version 1.31 with Dataplane V2, and that it has the class of the Gateway: kubectl get gatewayclass",
      "  all that is known: npx podpin explain served-by-gke --namespace default",
    ].join("\n"),
  ]);

  await setConditions(GKE, [accepted, ready]);
  await setConditions(PODPIN, [
    accepted,
    condition("GCPReady", "True", "GCPReady", ""),
    condition("DPV2Ready", "True", "DPV2Ready", ""),
    ready,
  ]);
  const mended = await run(["up"]);
  expect([mended.ok, saidOf(mended, PODPIN), mended.urns.filter((urn) => urn.endsWith("-unready"))]).toEqual([
    true,
    [],
    [],
  ]);
  const again = await run(["up"]);
  expect(again).toMatchObject({ ok: true, counts: { same: mended.urns.length - 1 } });
  expect(await run(["destroy"])).toMatchObject({ ok: true, urns: [] });
});

test("without error hooks, and where the engine has nothing left to read with, it fails as it did", async () => {
  const failed = await run(["up", "both", "2"], { NODE_OPTIONS: WITHOUT_ERROR_HOOKS });
  expect([failed.ok, saidOf(failed, GKE), saidOf(failed, PODPIN)]).toEqual([false, [], []]);
  const words = failed.diagnostics.map(({ message }) => message).join("\n");
  expect(words).toContain("timed out waiting for the condition");
  expect(await run(["destroy"])).toMatchObject({ ok: true, urns: [] });

  const busy = await run(["up", "both", "2", "1"]);
  expect(busy.ok).toBe(false);
  expect([...saidOf(busy, GKE), ...saidOf(busy, PODPIN)]).toEqual([
    expect.stringMatching(
      /^GKEIPRoute default\/served-by-(\w+) was not Ready after 2 s, and could not be read to say why:\n {2}what to do: npx podpin explain served-by-\1 --namespace default$/,
    ),
  ]);
  expect(await run(["destroy"])).toMatchObject({ ok: true, urns: [] });
});
