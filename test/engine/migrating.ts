// docs/migrating.md, followed to the letter: its YAML is applied with kubectl, then its program takes the objects over.
import { App, Chart, Testing } from "cdk8s";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ControlPlane } from "../../lab/cluster/control-plane";
import { stack, type PulumiEnv, type RunResult } from "../../lab/pulumi/engine";
import { REPOSITORY } from "../../lab/pulumi/package";
import { stageExample } from "../../lab/pulumi/stage";
import { PersistentIpPool, PinnedPodRoute } from "../../lib/cdk8s";

const NAMESPACE = "proxy-ss-ns";

interface Found {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly spec: object;
}

export async function migrate(cluster: ControlPlane, env: PulumiEnv, dir: string): Promise<void> {
  const section = sectionOf(await readFile(join(REPOSITORY, "docs/migrating.md"), "utf8"), "From YAML to Pulumi");
  const yaml = blockOf(section, "yaml");
  const program = blockOf(section, "ts");
  const objects = async (): Promise<readonly Found[]> => {
    const read = async (kind: string, name: string, namespace: string) =>
      JSON.parse(await cluster.kubectl(["get", kind, name, "-n", namespace, "-o", "json"])) as Found;
    return [
      await read("gateway", "allowed-pod-ips", "default"),
      await read("gkeiproute", "my-pod-ips", NAMESPACE),
      await read("statefulset", "proxy-ss", NAMESPACE),
    ];
  };

  await cluster.kubectl(["create", "namespace", NAMESPACE]);
  // Client-side, as the how-to says it: kubectl owns every field.
  await cluster.kubectl(["apply", "-f", "-"], `${yaml}\n---\n${JSON.stringify(STATEFUL_SET)}`);
  const before = await objects();

  // What CDK8s makes of the same is no change; kubectl diff fails where there is one.
  await cluster.kubectl(["diff", "-f", "-"], fromCdk8s());

  const folder = join(dir, "migrating");
  await stageExample(join(REPOSITORY, "examples/adopt-existing"), folder);
  const deploy = async (text: string): Promise<RunResult> => {
    await writeFile(join(folder, "index.ts"), text);
    const deployed = await stack({
      env,
      program: folder,
      name: "migrating",
      kubeconfig: cluster.kubeconfig,
      typeCheck: false,
    });
    return deployed.up();
  };
  const told = ({ stdout, stderr }: RunResult) => stdout + stderr;
  const unchanged = async () => expect((await objects()).map(identityOf)).toEqual(before.map(identityOf));

  const withSettings = (settings: string) => program.replace(SETTINGS, settings);
  expect(program).toContain(SETTINGS);
  const withoutSetting = await deploy(withSettings("{}"));
  expect([withoutSetting.ok, told(withoutSetting)]).toEqual([false, expect.stringContaining("already exists")]);
  await unchanged();

  // The API server has filled in the group and the kind of the Gateway; nothing else differs.
  const careful = await deploy(withSettings("{ upsertExistingObjects: true }"));
  expect([careful.ok, told(careful)]).toEqual([false, expect.stringContaining("conflict with")]);
  const conflicts = new Set(told(careful).match(/\.\S+(?=: conflict with "kubectl-client-side-apply")/g));
  expect([...conflicts]).toEqual([".spec.parentRefs"]);
  await unchanged();

  const withSetting = await deploy(program);
  expect([withSetting.ok, withSetting.ok ? "" : told(withSetting)]).toEqual([true, ""]);
  await unchanged();

  // From now on it is a program like any other.
  const again = await deploy(withSettings("{}"));
  expect(again).toMatchObject({ ok: true, changes: { create: 0, replace: 0, delete: 0 } });
  await unchanged();

  const stop = await stack({
    env,
    program: folder,
    name: "migrating",
    kubeconfig: cluster.kubeconfig,
    typeCheck: false,
  });
  expect((await stop.destroy()).ok).toBe(true);
  await cluster.kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
}

/** The page's program for CDK8s. */
function fromCdk8s(): string {
  const chart = new Chart(new App(), "proxy-ss");
  const addresses = ["198.51.100.7", "198.51.100.8"];
  const pool = PersistentIpPool.fromAddresses(chart, "allowed-pod-ips", { addresses, allowedNamespaces: "All" });
  new PinnedPodRoute(chart, "my-pod-ips", { pool, namespace: NAMESPACE, statefulSet: "proxy-ss", ordinal: 1 });
  return (Testing.synth(chart) as object[]).map((object) => JSON.stringify(object)).join("\n---\n");
}

/** The object is the one that it was, and says what it said. */
const identityOf = ({ metadata: { uid }, spec }: Found) => ({ uid, spec });

/** What the program sets on the provider for the take-over. */
const SETTINGS = "{ upsertExistingObjects: true, enablePatchForce: true }";

const STATEFUL_SET = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "proxy-ss", namespace: NAMESPACE },
  spec: {
    serviceName: "proxy",
    replicas: 3,
    selector: { matchLabels: { component: "proxy" } },
    template: {
      metadata: { labels: { component: "proxy" } },
      spec: {
        containers: [{ name: "hello-app", image: "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0" }],
      },
    },
  },
};

function sectionOf(page: string, title: string): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`docs/migrating.md has no section "${title}"`);
  return section;
}

function blockOf(section: string, language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(section)?.[1];
  if (block === undefined) throw new Error(`the section has no example in ${language}`);
  return block;
}
