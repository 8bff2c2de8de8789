// A program of podpin as it runs in its Pod, but outside of one: its own mounts, so that it finds its ServiceAccount's files.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inNamespace } from "../../lab/cluster/process";

const TICKS_PER_SECOND = 100;
const MEBIBYTE = 1024;

export interface Program {
  readonly namespace: string;
  readonly folder: string;
  readonly bundle: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
}

export interface Running {
  readonly startedAt: number;
  /** Resident memory, MiB. */
  memory(): number;
  /** CPU time so far, seconds. */
  cpu(): number;
  /** Every line of its log so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export function run({ namespace, folder, bundle, args, env, token, ca }: Program): Running {
  const account = path.join(folder, "account");
  mkdirSync(account, { recursive: true });
  writeFileSync(path.join(account, "token"), token);
  writeFileSync(path.join(account, "ca.crt"), ca);
  const place = "/run/secrets/kubernetes.io/serviceaccount";
  const script = `mount -t tmpfs none /run && mkdir -p ${place} && cp "$0"/* ${place}/ && exec "$@"`;
  const image = asInImage();
  const command = [
    "unshare",
    "--mount",
    "sh",
    "-ec",
    script,
    account,
    process.execPath,
    ...image.flags,
    bundle,
    ...args,
  ];
  const [file = "", ...rest] = inNamespace(namespace, command);
  const child = spawn(file, rest, {
    env: { ...image.env, PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log: string[] = [];
  let partial = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (partial + chunk.toString()).split("\n");
    partial = lines.pop() ?? "";
    log.push(...lines);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  // Everything before the program itself ends by exec: it has the child's own number.
  const proc = (name: string): string => readFileSync(`/proc/${child.pid}/${name}`, "utf8");
  return {
    startedAt: performance.now(),
    memory: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(proc("status"))?.[1]) / MEBIBYTE,
    cpu: () => {
      const fields = proc("stat")
        .slice(proc("stat").lastIndexOf(")") + 2)
        .split(" ");
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    log,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** What the image gives the program besides its arguments. */
function asInImage(): { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const text = readFileSync(path.resolve(__dirname, "../../controller-image/Dockerfile"), "utf8");
  const [, ...given] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? "[]") as string[];
  const env = [...text.matchAll(/^ENV (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value] as const);
  return { flags: given.slice(0, -1), env: Object.fromEntries(env) };
}
