// What a VM's metadata server says, as far as clients of Compute ask it: the project, and tokens that expire.
import type { Clock } from "../../controller-image/src/kube/api";
import type { ComputeCloud } from "./cloud";

export interface MetadataOptions {
  /** @default demo */
  readonly project?: string;
  /** How long a token is good for; the one before is refused from then on. @default 3600 */
  readonly tokenSeconds?: number;
}

export interface MetadataAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Its tokens are the only ones that the cloud takes from now on. */
export class MetadataServer {
  readonly #cloud: ComputeCloud;
  readonly #clock: Clock;
  readonly #project: string;
  readonly #seconds: number;
  #issued: { readonly token: string; readonly until: number } | undefined;
  #count = 0;

  constructor(cloud: ComputeCloud, clock: Clock, { project = "demo", tokenSeconds = 3600 }: MetadataOptions = {}) {
    this.#cloud = cloud;
    this.#clock = clock;
    this.#project = project;
    this.#seconds = tokenSeconds;
    cloud.conditions.acceptTokens([]);
  }

  /** The token of this moment stops being one, before its time. */
  expire(): void {
    this.#issued = undefined;
    this.#cloud.conditions.acceptTokens([]);
  }

  answer(path: string, headers: Readonly<Record<string, string>>): MetadataAnswer {
    const [plain = ""] = path.split("?");
    if (headers["metadata-flavor"] !== "Google") return text(403, "Missing required header: Metadata-Flavor");
    switch (plain.replace(/\/$/, "")) {
      case "/computeMetadata/v1/instance":
        return text(200, "service-accounts/\n");
      case "/computeMetadata/v1/project/project-id":
        return text(200, this.#project);
      case "/computeMetadata/v1/universe/universe-domain":
        return text(200, "googleapis.com");
      case "/computeMetadata/v1/instance/service-accounts/default/email":
        return text(200, `controller@${this.#project}.iam.gserviceaccount.com`);
      case "/computeMetadata/v1/instance/service-accounts/default/token":
        return { status: 200, type: "application/json", body: JSON.stringify(this.#token()) };
      default:
        return text(404, "not found");
    }
  }

  #token(): object {
    const now = this.#clock.now();
    if (this.#issued === undefined || this.#issued.until <= now) {
      const token = `lab-token-${++this.#count}`;
      this.#issued = { token, until: now + this.#seconds * 1000 };
      this.#cloud.conditions.acceptTokens([token]);
      // Another client may hold it without ever asking again.
      this.#clock.after(this.#seconds * 1000, () => {
        if (this.#issued?.token === token) this.expire();
      });
    }
    const left = Math.floor((this.#issued.until - now) / 1000);
    return { access_token: this.#issued.token, expires_in: left, token_type: "Bearer" };
  }
}

const text = (status: number, body: string): MetadataAnswer => ({ status, type: "application/text", body });
