// The real Pulumi engine, kept to one folder: its home, its state, its plugins and whatever it writes.
import { access, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";

import { inNamespace } from "../cluster/process";
import { mendCheckpoint } from "./checkpoint";
import { isAmbientNotice, readOutcome, type Outcome } from "./events";
import { installAuthPlugin } from "./gcp-plugin/auth-plugin";
import { GCP_STATE } from "./gcp-plugin/cloud";
import { GCP_COMPUTE } from "./gcp-plugin/compute-calls";
import { type ControlPlaneAccess, GCP_CONTROL_PLANE } from "./gcp-plugin/settings";
import { installPlugin, installStandIn, type Plugin, type PluginName } from "./plugins";
import { runSession, type SessionResult } from "./session";

export interface PulumiParts {
  /** Absolute path of the engine's command-line program. */
  readonly pulumi: string;
  readonly pulumiLanguageNodejs: string;
}

export interface PulumiEnv {
  readonly dir: string;
  readonly pulumi: string;
  /** Of every command: own home, own state, no updates, nothing fetched. */
  readonly variables: NodeJS.ProcessEnv;
  readonly kubernetesPlugin: Plugin;
  readonly gcpPlugin: Plugin;
}

/** The API server that every cluster of the stand-in cloud leads to. */
export interface StandInControlPlane extends ControlPlaneAccess {
  /** PEM. */
  readonly ca: string;
  /** What the stand-in for `gke-gcloud-auth-plugin` prints. */
  readonly token: string;
}

/**
 * @param options.dir an existing folder; everything that Pulumi writes stays in it, so removing it removes all
 * @param options.standIns plugins that are never the machine's own: a test must not reach, or pay for, somebody's cloud
 * @param options.controlPlane without it nothing can be put on clusters that a program makes with the stand-in for `gcp`
 * @param options.compute base of the API of the stand-in for Compute; without it that for `gcp` has nothing of Compute
 */
export async function preparePulumi(options: {
  readonly parts: PulumiParts;
  readonly dir: string;
  readonly standIns?: readonly PluginName[];
  readonly controlPlane?: StandInControlPlane;
  readonly compute?: string;
}): Promise<PulumiEnv> {
  const dir = resolve(options.dir);
  const bin = join(dir, "bin");
  // Made anew: a plugin that was real in an earlier run may be gone, or the other way round.
  await rm(bin, { recursive: true, force: true });
  const folders = { bin, home: join(dir, "home"), state: join(dir, "state"), tmp: join(dir, "tmp") };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  const node = await nodeBinary();
  await symlink(node, join(bin, "node"));
  await symlink(options.parts.pulumiLanguageNodejs, join(bin, "pulumi-language-nodejs"));
  await symlink(await dynamicProvider(), join(bin, "pulumi-resource-pulumi-nodejs"));
  const plugin = (name: PluginName): Promise<Plugin> =>
    options.standIns?.includes(name) === true ? installStandIn(name, bin, node) : installPlugin(name, bin, node);
  const kubernetesPlugin = await plugin("kubernetes");
  const gcpPlugin = await plugin("gcp");
  const cloud = gcpPlugin.kind === "real" ? {} : await standInCloud(bin, dir, options);
  return {
    dir,
    pulumi: options.parts.pulumi,
    kubernetesPlugin,
    gcpPlugin,
    variables: {
      ...inherited(process.env),
      ...cloud,
      PATH: [bin, ...systemFolders(process.env["PATH"] ?? "")].join(delimiter),
      HOME: folders.home,
      TMPDIR: folders.tmp,
      PULUMI_HOME: join(folders.home, ".pulumi"),
      PULUMI_BACKEND_URL: `file://${folders.state}`,
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // Has the engine offer its event log.
      PULUMI_DEBUG_COMMANDS: "true",
      ...((await forwardsErrorHooks(options.parts.pulumiLanguageNodejs)) ? {} : { NODE_OPTIONS: WITHOUT_ERROR_HOOKS }),
    },
  };
}

export interface StackOptions {
  readonly env: PulumiEnv;
  /** The folder with Pulumi.yaml. The stack's settings file is written there, as by the Pulumi program itself. */
  readonly program: string;
  /** For example `dev`. */
  readonly name: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Network namespace that the engine and the program run in, where only from there the cluster is to be reached. */
  readonly namespace?: string;
  /** Path of the kubeconfig that a program without a provider of its own uses. */
  readonly kubeconfig: string;
  /** Whether the language host type-checks a TypeScript program at every run, as it does for users. @default true */
  readonly typeCheck?: boolean;
  /** Told each line that the engine prints. */
  readonly onLine?: (line: string) => void;
}

export interface RunOptions {
  /** Ends the run early; the engine saves what it knows. */
  readonly signal?: AbortSignal;
  /** Kills the engine and its plugins, which save nothing any more. */
  readonly kill?: AbortSignal;
  /** @default 600000 */
  readonly timeoutMs?: number;
}

export interface RunResult extends Outcome {
  readonly ok: boolean;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Stack {
  up(options?: RunOptions): Promise<RunResult>;
  /** @param options.diff prints the rich diff instead of the summary; the outcome is the same */
  preview(options?: RunOptions & { readonly diff?: boolean }): Promise<RunResult>;
  /** @param options.forgetPending forgets what a killed run was about to make; otherwise a refresh tells of it and keeps it */
  refresh(options?: RunOptions & { readonly forgetPending?: boolean }): Promise<RunResult>;
  destroy(options?: RunOptions): Promise<RunResult>;
  outputs(): Promise<Readonly<Record<string, unknown>>>;
  /** The whole state as JSON, secrets as they are stored. */
  state(): Promise<string>;
  /** Sets configuration values for the runs that follow. */
  configure(config: Readonly<Record<string, string>>): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/** Selects the stack, and makes it if there is none of this name. */
export async function stack(options: StackOptions): Promise<Stack> {
  const { env, program, name } = options;
  const onLine = (line: string): void => {
    if (!isAmbientNotice(line)) options.onLine?.(line);
  };
  const variables: NodeJS.ProcessEnv = {
    ...env.variables,
    KUBECONFIG: options.kubeconfig,
    ...(options.typeCheck === false ? { PULUMI_NODEJS_TRANSPILE_ONLY: "true" } : {}),
  };
  const run = (args: readonly string[], more: RunOptions & { quiet?: boolean } = {}): Promise<SessionResult> =>
    runSession(inNamespace(options.namespace, [env.pulumi, ...args, "--non-interactive", "--color=never"]), {
      cwd: program,
      env: variables,
      onLine: more.quiet === true ? undefined : onLine,
      signal: more.signal,
      kill: more.kill,
      timeoutMs: more.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    });
  const must = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args, { quiet: true });
    if (code === 0) return stdout;
    throw new Error(`pulumi ${args.join(" ")} ended with code ${code}\n${(stderr || stdout).trim()}`);
  };

  const deploy = async (args: readonly string[], more: RunOptions = {}): Promise<RunResult> => {
    const folder = await mkdtemp(join(env.dir, "tmp", "events-"));
    const log = join(folder, "events.jsonl");
    const started = performance.now();
    try {
      const attempt = (): Promise<SessionResult> => run([...args, "--stack", name, "--event-log", log], more);
      const unlock = (): Promise<SessionResult> => run(["cancel", "--yes", "--stack", name], { quiet: true });
      let result = await attempt();
      // Nobody else uses the stack, so a lock is one that an engine has left which is gone.
      if (result.code !== 0 && /the stack is currently locked/.test(result.stderr)) {
        await unlock();
        result = await attempt();
      }
      // A killed engine leaves the stack locked, and its state perhaps half written.
      if (result.killed) {
        await mendCheckpoint(join(env.dir, "state"), name);
        await unlock();
      }
      const outcome = readOutcome(await readFile(log, "utf8").catch(() => ""));
      const ms = Math.round(performance.now() - started);
      const { code, stdout, stderr } = result;
      return { ...outcome, ok: code === 0, code, stdout, stderr, ms };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  const configure = async (config: Readonly<Record<string, string>>): Promise<void> => {
    const pairs = Object.entries(config).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
    if (pairs.length > 0) await must(["config", "set-all", "--stack", name, ...pairs]);
  };

  await must(["stack", "select", "--create", name]);
  await configure(options.config ?? {});
  return {
    up: (more) => deploy(["up", "--yes", "--skip-preview"], more),
    preview: ({ diff, ...more } = {}) => deploy(["preview", ...(diff === true ? ["--diff"] : [])], more),
    refresh: ({ forgetPending, ...more } = {}) =>
      deploy(
        ["refresh", "--yes", "--skip-preview", ...(forgetPending === true ? ["--clear-pending-creates"] : [])],
        more,
      ),
    destroy: (more) => deploy(["destroy", "--yes", "--skip-preview"], more),
    outputs: async () =>
      JSON.parse(await must(["stack", "output", "--json", "--show-secrets", "--stack", name])) as Record<
        string,
        unknown
      >,
    state: () => must(["stack", "export", "--stack", name]),
    configure,
  };
}

async function standInCloud(
  bin: string,
  dir: string,
  { controlPlane, compute }: { readonly controlPlane?: StandInControlPlane; readonly compute?: string },
): Promise<NodeJS.ProcessEnv> {
  const cloud = { [GCP_STATE]: join(dir, "gcp.json"), ...(compute === undefined ? {} : { [GCP_COMPUTE]: compute }) };
  if (controlPlane === undefined) return cloud;
  const { token, ca, ...access } = controlPlane;
  await installAuthPlugin(bin, token);
  return { ...cloud, [GCP_CONTROL_PLANE]: JSON.stringify({ ...access, ca: Buffer.from(ca).toString("base64") }) };
}

/** The development dependency `node`, which is the version that this repository is tested with; else whoever runs this. */
async function nodeBinary(): Promise<string> {
  const packaged = resolve(__dirname, "../../node_modules/node/bin/node");
  return access(packaged).then(
    () => packaged,
    () => process.execPath,
  );
}

/** For NODE_OPTIONS: has the SDK find no error hooks in the engine. */
export const WITHOUT_ERROR_HOOKS = `--require="${join(__dirname, "old-language-host.cjs")}"`;

/** A language host has the names of the calls that it passes on to the engine in its text. */
async function forwardsErrorHooks(languageHost: string): Promise<boolean> {
  return (await readFile(languageHost)).includes("RegisterErrorHook");
}

/** Comes with the SDK, so that programs with dynamic resources run too. */
async function dynamicProvider(): Promise<string> {
  return join(dirname(require.resolve("@pulumi/pulumi/package.json")), "pulumi-resource-pulumi-nodejs");
}

/** The user's environment without what would change how the engine, the language host or a plugin works. */
function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const steering = /^(PULUMI_|KUBE|NODE_|npm_|JEST_|TS_NODE_|XDG_|GOOGLE_|GCLOUD_|CLOUDSDK_|USE_GKE_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !steering.test(name)));
}

/** PATH without folders of packages: `node_modules/.bin` would bring in whatever stands first there. */
function systemFolders(path: string): readonly string[] {
  return path.split(delimiter).filter((folder) => folder !== "" && !folder.includes("node_modules"));
}
