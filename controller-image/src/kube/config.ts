// Where the API server is and how to prove who asks.
import { existsSync, readFileSync } from "node:fs";

import type { Clock } from "./api";

/** A value given as it is, or kept in a file that somebody else renews. */
export type Renewable = string | { readonly file: string };

export interface KubeConfig {
  /** `https://host:port`; `http://` (HTTP/2 without TLS) only makes sense on loopback. */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate; read anew for every connection. @default the system's */
  readonly ca?: Renewable;
  /** Bearer token. */
  readonly token?: Renewable;
  /** PEM pair, instead of a token. */
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  /** Accepts any server certificate: whoever sits in between can read the token. */
  readonly insecureSkipTlsVerify?: boolean;
}

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The configuration that every Pod with a ServiceAccount has. */
export function inClusterConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
  folder = SERVICE_ACCOUNT_FOLDER,
): KubeConfig {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = env;
  if (host === "" || port === "") {
    throw new Error(
      `KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: got ${JSON.stringify(host)} and ${JSON.stringify(port)}; ` +
        "run inside a Pod, or set them to the API server's address and port",
    );
  }
  const [token, ca] = [`${folder}/token`, `${folder}/ca.crt`];
  const missing = [token, ca].filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(" and ")}: got no such file; give the Pod a ServiceAccount and automountServiceAccountToken: true`,
    );
  }
  const name = host.includes(":") ? `[${host}]` : host;
  return { server: `https://${name}:${port}`, token: { file: token }, ca: { file: ca } };
}

/** How long a token from a file is used before the file is read again. The kubelet renews it hours before it ends. */
const REREAD_MS = 60_000;

/** The present text of a {@link Renewable}. */
export class RenewableText {
  #text: string | undefined;
  #readAt = 0;

  constructor(
    private readonly source: Renewable,
    private readonly clock: Clock,
  ) {}

  get(): string {
    if (typeof this.source === "string") return this.source;
    if (this.#text === undefined || this.clock.now() - this.#readAt >= REREAD_MS) this.reread();
    return this.#text ?? "";
  }

  /** Reads the file now; true when that changed the text. A file that cannot be read leaves the last text in use. */
  reread(): boolean {
    if (typeof this.source === "string") return false;
    const before = this.#text;
    try {
      this.#text = readFileSync(this.source.file, "utf8").trim();
    } catch (error) {
      if (before === undefined) throw error;
    }
    this.#readAt = this.clock.now();
    return this.#text !== before;
  }
}
