// A cloud for a lab: started beside its API server, ended with it.
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { LabHost } from "../cluster/host";
import {
  API_SERVER_ADDRESS,
  CLOUD_RANGE,
  METADATA_ADDRESS,
  planNodes,
  POD_RANGE,
  PROJECT,
  REGION,
  SEGMENT,
  SERVICE_RANGE,
} from "../cluster/plan";
import { CLOUD_TABLE } from "../cluster/segment";
import { ComputeCalls, freshToken, overHttp } from "../pulumi/gcp-plugin/compute-calls";
import type { ControlPlaneAccess } from "../pulumi/gcp-plugin/settings";
import type { VpcSettings } from "./settings";
import { socketFetch } from "./socket-fetch";

/** What of a lab the cloud needs; the lab that the suites share has it too. */
export interface LabPlace {
  readonly control: LabHost;
  readonly segment: { readonly bridge: string };
  /** For its socket. */
  readonly dir: string;
}

export interface LabCloud {
  /** Base of the API, as everything in the lab reaches it. */
  readonly compute: string;
  readonly project: string;
  /** Reaches the API from outside of the lab's namespaces, whatever host is named. */
  readonly fetch: typeof fetch;
  /** A token that the API takes. */
  token(): Promise<string>;
  /** The API's calls, from outside. */
  readonly calls: ComputeCalls;
  /** Links of everything that programs and controllers make, besides what every project has. */
  inventory(): Promise<readonly string[]>;
  /** Fails with the mistakes of the stand-ins, if there were any. */
  stop(): Promise<void>;
}

/** What the socket serves is the same for every host. */
const ANY_HOST = "http://compute.googleapis.com/";

/** Of the API beside the API server of Kubernetes. */
const PORT = 8090;
const SUBNETWORK = "lab";

/** How long a change takes: the order of magnitude of Google's fastest. */
const OPERATION_MS = 200;

export async function startCloud(lab: LabPlace): Promise<LabCloud> {
  const socket = join(lab.dir, "compute.sock");
  const settings: VpcSettings = {
    project: PROJECT,
    region: REGION,
    externalRange: CLOUD_RANGE,
    subnetwork: { name: SUBNETWORK, cidr: SEGMENT },
    operationMs: OPERATION_MS,
    address: API_SERVER_ADDRESS,
    port: PORT,
    metadataAddress: METADATA_ADDRESS,
    socket,
    device: lab.segment.bridge,
    table: CLOUD_TABLE,
  };
  const program = [process.execPath, "--import", require.resolve("tsx"), join(__dirname, "main.ts")];
  const child = lab.control.spawn([...program, JSON.stringify(settings)]);
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-4000)));
  const ended = once(child, "close");
  if (child.stdout === null) throw new Error("the lab's cloud was started without a pipe");
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), ended.then(() => undefined)]);
  if (first?.[0] !== "ready") throw new Error(`the lab's cloud did not start: ${errors.trim() || "it said nothing"}`);
  const outside = socketFetch(socket);
  const calls = new ComputeCalls(overHttp(`${ANY_HOST}compute/v1/`, outside.fetch));
  return {
    compute: `http://${API_SERVER_ADDRESS}:${PORT}/compute/v1/`,
    project: PROJECT,
    fetch: outside.fetch,
    token: () => freshToken(ANY_HOST, outside.fetch),
    calls,
    inventory: () => inventory(calls),
    async stop() {
      outside.close();
      child.stdin?.on("error", () => undefined).end();
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`the lab's cloud ended with code ${code}: ${errors.trim()}`);
    },
  };
}

/** What clusters of the lab's cloud lead to: the lab's own API server, and its machines for their nodes. */
export function labMachines(nodes: number): Required<Omit<ControlPlaneAccess, "endpoint" | "ca">> {
  const machines = planNodes(nodes).map(({ name, zone, address }) => ({ name, zone, address, subnetwork: SUBNETWORK }));
  return { podCidr: POD_RANGE, serviceCidr: SERVICE_RANGE, machines };
}

const EVERYWHERE = [
  "addresses",
  "backendServices",
  "forwardingRules",
  "instances",
  "networkEndpointGroups",
  "targetInstances",
];

async function inventory(calls: ComputeCalls): Promise<readonly string[]> {
  const lists = await Promise.all([
    ...EVERYWHERE.map((collection) => calls.listEverywhere(PROJECT, collection)),
    calls.list(`projects/${PROJECT}/global/firewalls`),
  ]);
  return lists.flat().map(({ selfLink }) => String(selfLink).replace(/^.*\/projects\/[^/]+\//, ""));
}
