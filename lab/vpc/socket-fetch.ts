// `fetch` by a socket of the file system, which is the same in every network namespace.
import { Agent, request } from "node:http";

export interface SocketFetch {
  readonly fetch: typeof fetch;
  close(): void;
}

/** @param path of the socket; it is called whatever host a URL names */
export function socketFetch(path: string): SocketFetch {
  const agent = new Agent({ keepAlive: true });
  const call = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const asked = new Request(input, init);
    const { pathname, search } = new URL(asked.url);
    const body = Buffer.from(await asked.arrayBuffer());
    return new Promise((resolve, reject) => {
      const headers = { ...Object.fromEntries(asked.headers), "content-length": String(body.length) };
      request(
        { agent, socketPath: path, method: asked.method, path: pathname + search, headers, signal: asked.signal },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const given = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
            resolve(
              new Response(Buffer.concat(chunks), {
                status: response.statusCode,
                headers: new Headers([...given] as [string, string][]),
              }),
            );
          });
        },
      )
        .once("error", reject)
        .end(body);
    });
  };
  return { fetch: call, close: () => agent.destroy() };
}
