// A registry on loopback: Debian's `docker-registry`, with its images in a folder of the caller's.
import { createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

import { type Guarded, guard, release } from "../cluster/guard";
import { Daemon, until } from "../cluster/process";
import type { Descriptor } from "./oci";

const READY_WITHIN_MS = 60_000;

export interface ImageManifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Registry {
  /** For example `127.0.0.1:35001`, the first part of every reference. */
  readonly host: string;
  /** Uploads what buildah wrote with its `dir:` transport. Gives the digest. */
  push(dir: string, repository: string): Promise<string>;
  /** The bytes of a manifest, by tag or digest, and their digest as the registry tells it. */
  manifest(
    repository: string,
    reference: string,
  ): Promise<{ readonly manifest: ImageManifest; readonly digest: string }>;
  blob(repository: string, digest: string): Promise<Buffer>;
  stop(): Promise<void>;
}

/** @param folder is made; whoever calls removes it after `stop` */
export async function startRegistry(folder: string): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "config.yml");
  const logFile = join(folder, "registry.log");
  // Any free port; the log says which.
  const settings = {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true }, fields: { service: "registry" } },
    storage: { filesystem: { rootdirectory: join(folder, "images") } },
    http: { addr: "127.0.0.1:0" },
  };
  writeFileSync(config, JSON.stringify(settings));
  const command = ["docker-registry", "serve", config];
  const daemon = new Daemon({ name: "docker-registry", command, logFile, env: plainEnvironment() });
  const guarded: Guarded = { stop: () => daemon.kill(), stopSync: () => daemon.signal("SIGKILL") };
  guard(guarded);
  const stop = async (): Promise<void> => {
    await daemon.kill();
    release(guarded);
  };
  try {
    const host = await until(
      "the registry",
      async () => /listening on (127\.0\.0\.1:\d+)/.exec(readFileSync(logFile, "utf8"))?.[1],
      { timeoutMs: READY_WITHIN_MS, daemons: [daemon] },
    );
    return client(host, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The registry takes every setting from variables with this prefix as well. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(REGISTRY_|OTEL_)/.test(name)));
}

function client(host: string, stop: () => Promise<void>): Registry {
  const api = (repository: string, path: string): string => `http://${host}/v2/${repository}/${path}`;
  const pushBlob = async (dir: string, repository: string, { digest }: Descriptor): Promise<void> => {
    const opened = await must(fetch(api(repository, "blobs/uploads/"), { method: "POST" }));
    const url = new URL(opened.headers.get("location") ?? "", `http://${host}/`);
    url.searchParams.set("digest", digest);
    await upload(url, join(dir, digest.replace("sha256:", "")));
  };
  return {
    host,
    stop,
    async push(dir, repository) {
      const body = readFileSync(join(dir, "manifest.json"));
      const manifest = JSON.parse(body.toString()) as ImageManifest;
      for (const blob of [manifest.config, ...manifest.layers]) await pushBlob(dir, repository, blob);
      const headers = { "content-type": manifest.mediaType };
      const stored = await must(fetch(api(repository, "manifests/base"), { method: "PUT", body, headers }));
      return digestOf(stored);
    },
    async manifest(repository, reference) {
      const accept = ["application/vnd.oci.image", "application/vnd.docker.distribution"].map(
        (family) => `${family}.manifest.v${family.includes("oci") ? "1" : "2"}+json`,
      );
      const answer = await must(
        fetch(api(repository, `manifests/${reference}`), { headers: { accept: accept.join() } }),
      );
      return { manifest: (await answer.json()) as ImageManifest, digest: digestOf(answer) };
    },
    async blob(repository, digest) {
      return Buffer.from(await (await must(fetch(api(repository, `blobs/${digest}`)))).arrayBuffer());
    },
  };
}

async function must(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.ok) return response;
  throw new Error(`${response.url}: the registry answered ${response.status}\n${await response.text()}`);
}

function digestOf(response: Response): string {
  const digest = response.headers.get("docker-content-digest");
  if (digest === null) throw new Error(`${response.url}: the registry told no digest`);
  return digest;
}

/** In one piece, from the disk: a layer may be larger than is good to have in memory. */
function upload(url: URL, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/octet-stream", "content-length": statSync(file).size };
    const sent = request(url, { method: "PUT", headers }, (answer) => {
      answer.resume();
      answer.once("end", () => {
        if (answer.statusCode === 201) resolve();
        else reject(new Error(`${url.pathname}: the registry answered ${answer.statusCode}`));
      });
    });
    sent.once("error", reject);
    createReadStream(file, { highWaterMark: 1 << 20 })
      .once("error", reject)
      .pipe(sent);
  });
}
