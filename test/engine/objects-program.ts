// The program `objects` under the real engine, against a real API server: what a test needs to declare, deploy and look.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import type { ControlPlane } from "../../lab/cluster/control-plane";
import { preparePulumi, stack, type PulumiEnv, type Stack } from "../../lab/pulumi/engine";
import { stageExample } from "../../lab/pulumi/stage";
import { gkeIpRoute } from "../../lib/crds";
import { loopbackControlPlane } from "../support/control-plane";
import { parts } from "../support/parts";
import type { Declared } from "./programs/objects/declared";

export interface Bench {
  readonly cluster: ControlPlane;
  readonly env: PulumiEnv;
  /** A stack of its own, whose program declares what it is told. */
  program(name: string): Promise<Program>;
  stop(): Promise<void>;
}

export interface Program extends Stack {
  declare(...objects: readonly Declared[]): void;
}

export async function startBench(): Promise<Bench> {
  const found = await parts("pulumi", "pulumi-language-nodejs");
  const dir = mkdtempSync(join(tmpdir(), "podpin-engine-"));
  const cluster = await loopbackControlPlane();
  const stop = async (): Promise<void> => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const engine = { pulumi: found.pulumi, pulumiLanguageNodejs: found["pulumi-language-nodejs"] };
    const env = await preparePulumi({ parts: engine, dir });
    const folder = join(dir, "objects");
    await stageExample(join(__dirname, "programs/objects"), folder);
    // Compiled once here: the language host would do it again at each of the many runs, at half a second each.
    await build({
      entryPoints: [join(folder, "index.ts")],
      outfile: join(folder, "index.js"),
      platform: "node",
      packages: "external",
      bundle: true,
    });
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(gkeIpRoute));
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", gkeIpRoute.metadata.name]);
    return { cluster, env, stop, program: (name) => program(name, folder, env, cluster.kubeconfig) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function program(name: string, folder: string, env: PulumiEnv, kubeconfig: string): Promise<Program> {
  const declare = (...objects: readonly Declared[]): void =>
    writeFileSync(join(folder, `objects.${name}.json`), JSON.stringify(objects));
  declare();
  return { ...(await stack({ env, program: folder, name, kubeconfig })), declare };
}

// Without kube-controller-manager nobody would finish a foreground deletion.
const BACKGROUND = { "pulumi.com/deletionPropagationPolicy": "background" };

interface Fields {
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
}

export function configMap(name: string, data: Readonly<Record<string, unknown>>, fields: Fields = {}): Declared {
  const metadata = { name, ...fields, annotations: { ...BACKGROUND, ...fields.annotations } };
  return { name, object: { apiVersion: "v1", kind: "ConfigMap", metadata, data } };
}

export function route(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  options: Declared["options"] & Fields = {},
): Declared {
  const { annotations, ...engine } = options;
  const metadata = { name, namespace: "default", annotations: { ...BACKGROUND, ...annotations } };
  return {
    name,
    object: {
      apiVersion: "networking.gke.io/v1",
      kind: "GKEIPRoute",
      metadata,
      spec: {
        parentRefs: [{ name: "pool" }],
        addresses: [{ type: "gke.networking.io/cidr", value: "198.51.100.7/32" }],
        podSelector: { matchLabels: { app: "proxy" } },
        network: "default",
        ...spec,
      },
    },
    options: engine,
  };
}
