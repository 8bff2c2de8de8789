// A kubeconfig as far as the command line and tests need it. The file's text is parsed by the caller (JSON or YAML).
import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

import type { KubeConfig } from "./config";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The configuration that a parsed kubeconfig stands for.
 *
 * @param folder where relative file names in it start
 */
export function kubeconfigOf(parsed: unknown, options: { context?: string; folder?: string } = {}): KubeConfig {
  const root = fields(parsed);
  const contextName = options.context ?? text(root["current-context"]) ?? "";
  const context = named(root, "contexts", contextName, "context");
  const cluster = named(root, "clusters", text(context["cluster"]) ?? "", "cluster");
  const user = named(root, "users", text(context["user"]) ?? "", "user");
  const server = text(cluster["server"]);
  if (server === undefined) throw new Error("kubeconfig: clusters[].cluster.server: got nothing; set the server's URL");
  for (const helper of ["exec", "auth-provider", "username"]) {
    if (helper in user) {
      const want = "use a token, a tokenFile or a client certificate, for example from `kubectl create token`";
      throw new Error(`kubeconfig: users[].user.${helper}: got a credential of a kind that is not supported; ${want}`);
    }
  }
  const content = (from: Fields, name: string): string | undefined => {
    const inline = text(from[`${name}-data`]);
    if (inline !== undefined) return Buffer.from(inline, "base64").toString("utf8");
    const file = text(from[name]);
    return file === undefined ? undefined : readFileSync(path(file), "utf8");
  };
  const path = (file: string): string => (isAbsolute(file) ? file : resolve(options.folder ?? ".", file));
  const tokenFile = text(user["tokenFile"]);
  return {
    server,
    ca: content(cluster, "certificate-authority"),
    token: text(user["token"]) ?? (tokenFile === undefined ? undefined : { file: path(tokenFile) }),
    clientCertificate: content(user, "client-certificate"),
    clientKey: content(user, "client-key"),
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
  };
}

function named(root: Fields, list: string, name: string, kind: string): Fields {
  const entries = Array.isArray(root[list]) ? (root[list] as unknown[]).map(fields) : [];
  const entry = entries.find((candidate) => candidate["name"] === name);
  if (entry !== undefined) return fields(entry[kind]);
  const names = entries.map((candidate) => JSON.stringify(candidate["name"])).join(", ") || "none";
  throw new Error(`kubeconfig: ${kind}: got ${JSON.stringify(name)}; the file has ${names}`);
}

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
