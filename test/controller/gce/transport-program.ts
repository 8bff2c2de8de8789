// The transport as it ships, in a process of its own: requests come as lines of JSON, and so go the answers. It is bundled as
// the image's program is.
import { createInterface } from "node:readline";

import type { ComputeError, ComputeRequest, ComputeTransport } from "../../../controller-image/src/fabric/gce/compute";
import { createTransport } from "../../../controller-image/src/fabric/gce/transport";
import type { Log } from "../../../controller-image/src/kube/api";

const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const transports = new Map<string, ComputeTransport>();

interface Asked extends ComputeRequest {
  readonly id: number;
  readonly endpoint: string;
  readonly endAfterMs?: number;
}

function transportTo(endpoint: string): ComputeTransport {
  const there = transports.get(endpoint);
  if (there !== undefined) return there;
  const log: Log = (level, message, fields) =>
    void process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
  const made = createTransport({ project: "demo", endpoint: endpoint || undefined, userAgent: "podpin/test", log });
  transports.set(endpoint, made);
  return made;
}

async function answer({ endpoint, endAfterMs, method, path, body }: Asked): Promise<object> {
  const signal = endAfterMs === undefined ? new AbortController().signal : AbortSignal.timeout(endAfterMs);
  try {
    return await transportTo(endpoint)({ method, path, body, signal });
  } catch (error) {
    const { name, message, reason, cause, stack } = error as ComputeError;
    // As a log would show it, and whatever hangs on it.
    return { name, message, reason, cause: String(cause), everything: `${JSON.stringify(error)} ${stack ?? ""}` };
  }
}

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line) as Asked;
    void answer(asked).then((answered) => say({ id: asked.id, ...answered }));
  }
}

void main();
