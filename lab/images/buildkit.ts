// A BuildKit of our own, as a user's Docker has one inside, and the settings by which Docker's clients find it.
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { type Guarded, guard, release } from "../cluster/guard";
import { Daemon, until } from "../cluster/process";
import { isolated } from "./isolate";

const READY_WITHIN_MS = 60_000;

export interface BuildKit {
  /** Has Docker's clients use it, and nothing of the user's. */
  readonly variables: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

export interface BuildKitOptions {
  /** Path of the program. */
  readonly buildkitd: string;
  /** Is made; what was built is in it and nowhere else. Whoever calls removes it after `stop`. */
  readonly folder: string;
  /** A registry that speaks plain HTTP. */
  readonly registry: string;
}

export async function startBuildKit(options: BuildKitOptions): Promise<BuildKit> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const address = `unix://${join(folder, "buildkitd.sock")}`;
  const config = join(folder, "buildkitd.toml");
  // Named after the folder, whose name nobody else has.
  const cgroup = `podpin-buildkit-${basename(join(folder, ".."))}-${basename(folder)}`;
  writeFileSync(
    config,
    [
      `root = ${JSON.stringify(join(folder, "root"))}`,
      "[grpc]",
      `  address = [${JSON.stringify(address)}]`,
      "[worker.oci]",
      "  enabled = true",
      // Nothing that is built here looks for anything outside.
      '  networkMode = "host"',
      `  defaultCgroupParent = ${JSON.stringify(cgroup)}`,
      `[registry.${JSON.stringify(options.registry)}]`,
      "  http = true",
      "",
    ].join("\n"),
  );
  const daemon = new Daemon({
    name: "buildkitd",
    command: isolated([options.buildkitd, "--config", config], folder, "shared"),
    logFile: join(folder, "buildkitd.log"),
  });
  const stop = async (): Promise<void> => {
    await daemon.kill();
    release(guarded);
    removeCgroups(cgroup);
  };
  const guarded: Guarded = { stop, stopSync: () => daemon.signal("SIGKILL") };
  guard(guarded);
  try {
    await until("buildkitd", async () => existsSync(join(folder, "buildkitd.sock")), {
      timeoutMs: READY_WITHIN_MS,
      daemons: [daemon],
    });
    return { variables: dockerSettings(join(folder, "docker"), address), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `docker buildx create --driver remote --use` leaves in Docker's settings. */
function dockerSettings(folder: string, address: string): NodeJS.ProcessEnv {
  const instances = join(folder, "buildx", "instances");
  mkdirSync(instances, { recursive: true });
  writeFileSync(join(folder, "config.json"), "{}");
  const nodes = [{ Name: "podpin0", Endpoint: address, Platforms: null, Flags: null, DriverOpts: null, Files: null }];
  writeFileSync(join(instances, "podpin"), JSON.stringify({ Name: "podpin", Driver: "remote", Nodes: nodes }));
  return {
    DOCKER_CONFIG: folder,
    BUILDX_CONFIG: join(folder, "buildx"),
    BUILDX_BUILDER: "",
    DOCKER_CONTEXT: "",
    // There is none: a Docker of the machine must not be asked.
    DOCKER_HOST: `unix://${join(folder, "none.sock")}`,
  };
}

/** runc removes those of its containers; the ones that they were in stay, empty. */
function removeCgroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...readdirSync(root)]) removeBelow(join(root, hierarchy, name));
}

function removeBelow(folder: string): void {
  try {
    const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of inside) removeBelow(join(folder, name));
    rmdirSync(folder);
  } catch {
    // It is not in this hierarchy.
  }
}
