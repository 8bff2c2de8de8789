// The network under the client: HTTP by the library that also gets the tokens, so that there is one stack, one set of
// connections that are kept open, and nothing else that knows a token.
import type { Log } from "../../kube/api";
import { errorText } from "../../kube/log";
import { Credentials, refusedToken } from "./auth";
import { json } from "./answers";
import type { ComputeTransport } from "./compute";

export interface TransportOptions {
  readonly project: string;
  /** `https://compute.googleapis.com/compute/v1/`, with or without its last slash. @default the one of the credentials' universe */
  readonly endpoint?: string;
  readonly userAgent: string;
  readonly log: Log;
}

export function createTransport(options: TransportOptions): ComputeTransport {
  const { project, userAgent, log } = options;
  const credentials = new Credentials(project);
  let found = options.endpoint?.replace(/\/?$/, "/");
  if (found?.startsWith("http:") === true) {
    log("warn", "googleCloudEndpoint is plain HTTP: whoever is on the way can read the controller's token", {
      endpoint: found,
    });
  }
  return async ({ method, path, body, signal }) => {
    const client = await credentials.client();
    try {
      found ??= `https://compute.${await credentials.universe()}/compute/v1/`;
      const { status, data } = await client.request<unknown>({
        url: `${found}projects/${encodeURIComponent(project)}/${path}`,
        method,
        data: body,
        headers: { "user-agent": userAgent },
        responseType: "json",
        // What an answer means and whether to ask again is the client's business.
        validateStatus: () => true,
        retry: false,
        signal,
      });
      // It may have been taken back before its time.
      if (status === 401) await credentials.forget();
      return { status, body: typeof data === "string" ? undefined : data };
    } catch (error) {
      const tokenStatus = statusOf(error);
      if (tokenStatus !== undefined && tokenStatus < 500 && tokenStatus !== 429) throw refusedToken(tokenStatus);
      // Not as cause: the library's errors hold the request with its headers.
      throw new Error(errorText(error));
    }
  };
}

/** Of a refusal; only the metadata server's are thrown, since every status of the API is an answer. */
function statusOf(error: unknown): number | undefined {
  const status = json(json(error).response).status;
  return typeof status === "number" ? status : undefined;
}
