// Which API server, with which credentials: the part of a kubeconfig that one connection needs.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";

import { execCommand, type ExecCommand } from "./exec-credential";
import { at, isObject, textAt, type Json, type JsonObject } from "./values";

export interface Access {
  /** For example `https://127.0.0.1:6443`, without a slash at the end. */
  readonly server: string;
  readonly ca?: string;
  readonly insecure: boolean;
  readonly serverName?: string;
  readonly token?: string;
  /** Read again for each connection: a projected token changes. */
  readonly tokenFile?: string;
  readonly basic?: string;
  /** Prints a token. */
  readonly exec?: ExecCommand;
  readonly certificate?: string;
  readonly key?: string;
  /** The context's namespace. */
  readonly namespace?: string;
}

export interface KubeconfigChoice {
  /** The text of a kubeconfig, or the path of one; without it `KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
}

export function loadAccess(choice: KubeconfigChoice, env: NodeJS.ProcessEnv = process.env): Access {
  const { text, folder } = source(choice.kubeconfig, env);
  const config = parsed(text);
  const contextName = choice.context ?? textAt(config, "current-context");
  const context = entry(config, "contexts", contextName, "context");
  const cluster = entry(config, "clusters", choice.cluster ?? textAt(context, "cluster"), "cluster");
  const userName = textAt(context, "user");
  const user = userName === "" ? {} : entry(config, "users", userName, "user");
  const server = textAt(cluster, "server").replace(/\/+$/, "");
  if (server === "") throw new Error(`kubeconfig: context "${contextName}" has no cluster with a server`);
  const read = (object: JsonObject, field: string): string | undefined => {
    const data = textAt(object, `${field}-data`);
    if (data !== "") return Buffer.from(data, "base64").toString("utf8");
    const path = textAt(object, field);
    return path === "" ? undefined : readFileSync(resolved(folder, path), "utf8");
  };
  const username = textAt(user, "username");
  const exec = user["exec"];
  return {
    server,
    ca: read(cluster, "certificate-authority"),
    insecure: at(cluster, "insecure-skip-tls-verify") === true,
    serverName: textAt(cluster, "tls-server-name") || undefined,
    token: textAt(user, "token") || undefined,
    tokenFile: textAt(user, "tokenFile") === "" ? undefined : resolved(folder, textAt(user, "tokenFile")),
    basic: username === "" ? undefined : Buffer.from(`${username}:${textAt(user, "password")}`).toString("base64"),
    exec: isObject(exec) ? execCommand(userName, exec) : undefined,
    certificate: read(user, "client-certificate"),
    key: read(user, "client-key"),
    namespace: textAt(context, "namespace") || undefined,
  };
}

/** The server a kubeconfig leads to, or undefined if it leads nowhere: what tells one cluster from another. */
export function serverOf(choice: KubeconfigChoice): string | undefined {
  try {
    return loadAccess(choice).server;
  } catch {
    return undefined;
  }
}

function source(kubeconfig: string | undefined, env: NodeJS.ProcessEnv): { text: string; folder: string } {
  const given = kubeconfig === undefined || kubeconfig === "" ? undefined : kubeconfig;
  // A kubeconfig has lines or braces, a path has neither.
  if (given !== undefined && /[\n{]/.test(given)) return { text: given, folder: process.cwd() };
  const fromEnv = env["KUBECONFIG"]?.split(":").find((path) => path !== "" && existsSync(path));
  const path = given ?? fromEnv ?? join(homedir(), ".kube", "config");
  const expanded = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
  if (!existsSync(expanded)) {
    throw new Error(
      `kubeconfig: ${expanded} does not exist; set kubeconfig on the provider, or KUBECONFIG, to the file or its text`,
    );
  }
  return { text: readFileSync(expanded, "utf8"), folder: dirname(expanded) };
}

function parsed(text: string): JsonObject {
  let config: unknown;
  try {
    config = parse(text);
  } catch (cause) {
    throw new Error("kubeconfig: it is not YAML or JSON", { cause });
  }
  if (typeof config !== "object" || config === null) throw new Error("kubeconfig: it is empty");
  return config as JsonObject;
}

function entry(config: JsonObject, list: string, name: string, field: string): JsonObject {
  const entries = config[list];
  const found = Array.isArray(entries) ? entries.find((item: Json) => textAt(item, "name") === name) : undefined;
  const value = at(found, field);
  if (isObject(value)) return value;
  const names = Array.isArray(entries) ? entries.map((item) => textAt(item, "name")).join(", ") : "none";
  throw new Error(`kubeconfig: ${list}: got no "${name}"; there is: ${names}`);
}

function resolved(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
