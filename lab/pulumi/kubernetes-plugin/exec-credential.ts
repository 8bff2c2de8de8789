// Credentials that a command prints, as `gke-gcloud-auth-plugin` does: the protocol of client.authentication.k8s.io.
import { execFile } from "node:child_process";

import { at, isObject, parseJson, textAt, type JsonObject } from "./values";

/** The `exec` of a kubeconfig's user. */
export interface ExecCommand {
  /** Name of the user in the kubeconfig, for error texts. */
  readonly user: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly installHint: string;
}

const TIMEOUT_MS = 30_000;
/** A token that ends within this is asked for anew. */
const MARGIN_MS = 10_000;

export function execCommand(user: string, exec: JsonObject): ExecCommand {
  const args = exec["args"];
  const env = exec["env"];
  return {
    user,
    command: textAt(exec, "command"),
    args: Array.isArray(args) ? args.map(String) : [],
    env: Object.fromEntries(
      (Array.isArray(env) ? env : []).map((item) => [textAt(item, "name"), textAt(item, "value")]),
    ),
    apiVersion: textAt(exec, "apiVersion") || "client.authentication.k8s.io/v1",
    installHint: textAt(exec, "installHint"),
  };
}

/** Tokens of one command; it runs when there is none, or the last one is about to end. */
export class ExecCredential {
  readonly #exec: ExecCommand;
  #token: Promise<{ readonly token: string; readonly until: number }> | undefined;

  constructor(exec: ExecCommand) {
    this.#exec = exec;
  }

  async token(): Promise<string> {
    const known = await this.#token;
    if (known !== undefined && known.until - MARGIN_MS > Date.now()) return known.token;
    this.#token = ask(this.#exec);
    try {
      return (await this.#token).token;
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }
}

async function ask(exec: ExecCommand): Promise<{ token: string; until: number }> {
  const info = { apiVersion: exec.apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  const env = { ...process.env, ...exec.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const where = `kubeconfig: user "${exec.user}": the command ${exec.command}`;
  const output = await new Promise<string>((resolve, reject) => {
    execFile(exec.command, [...exec.args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const missing = "code" in error && error.code === "ENOENT";
      const hint = exec.installHint === "" ? "" : `; ${exec.installHint}`;
      const what = missing ? "is not on PATH" : `failed: ${stderr.trim() || error.message}`;
      reject(new Error(`${where} ${what}${missing ? hint : ""}`, { cause: error }));
    });
  });
  const answer = parseJson(output);
  const status = isObject(answer) ? at(answer, "status") : undefined;
  const token = textAt(status, "token");
  if (token === "") throw new Error(`${where} printed no token`);
  const until = Date.parse(textAt(status, "expirationTimestamp"));
  return { token, until: Number.isNaN(until) ? Number.POSITIVE_INFINITY : until };
}
