// The stand-in as what the controller's client needs of the network, without a socket.
import type { ComputeTransport } from "../../controller-image/src/fabric/gce/compute";
import type { ComputeCloud } from "./cloud";

export interface TransportOptions {
  /** @default demo */
  readonly project?: string;
  /** Bearer token of the next call. @default none */
  readonly token?: () => string;
}

/** Rejects when the signal ends the exchange; what the stand-in has been asked by then may still happen. */
export function transportTo(cloud: ComputeCloud, { project = "demo", token }: TransportOptions = {}): ComputeTransport {
  return async ({ method, path, body, signal }) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token()}` };
    // As over a wire: nobody shares an object with the server.
    const sent: unknown = body === undefined ? undefined : JSON.parse(JSON.stringify(body));
    const url = `/compute/v1/projects/${encodeURIComponent(project)}/${path}`;
    const given = new Promise<never>((_, reject) => {
      const give = (): void => reject(new Error("the exchange was given up"));
      if (signal.aborted) give();
      signal.addEventListener("abort", give, { once: true });
    });
    const response = await Promise.race([cloud.handle({ method, path: url, body: sent, headers, signal }), given]);
    return { status: response.status, body: JSON.parse(JSON.stringify(response.body)) as unknown };
  };
}
