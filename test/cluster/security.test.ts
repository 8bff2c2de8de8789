// What the accounts of PersistentIpController may do, asked of a real API server by the requests themselves, with the
// tokens that Pods have. Writes are dry runs: authorised and admitted like any other, but none changes what the next one meets.
import { Agent, request } from "node:https";

import { installGatewayApi } from "../../lab/cluster/lab";
import { gkeApi } from "../../lib/crds/index";
import { CLUSTER_RANGES_CONFIG_MAP } from "../../lib/model/binding";
import { AGENT, CONTROLLER, HEARTBEAT_KEYS, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { parts } from "../support/parts";
import { DeclaredCluster } from "./declared";

jest.setTimeout(60_000);

const UID = "0c9bd0c0-6a3b-4d3c-8a0a-7d3c1a5d9e11";
const ADDRESS = "198.51.100.7";

const core = "/api/v1";
const own = `${core}/namespaces/${PODPIN_NAMESPACE}`;
const other = `${core}/namespaces/default`;
const bindings = "/apis/podpin.dev/v1alpha1/addressbindings";
const binding = `${bindings}/${ADDRESS}`;
const gke = "/apis/networking.gke.io/v1";
const route = `${gke}/namespaces/default/gkeiproutes/my-ip-route`;
const gateway = "/apis/gateway.networking.k8s.io/v1";
const leases = `/apis/coordination.k8s.io/v1/namespaces/${PODPIN_NAMESPACE}/leases`;
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const admission = "/apis/admissionregistration.k8s.io/v1";
const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const named = (name: string, more: object = {}): object => ({ metadata: { name }, ...more });
const ack = (nodeName: string): object => ({ nodeName, epoch: 5, podUid: UID, state: "Announced" });
const acks = (...nodes: readonly string[]): object => ({ status: { acks: nodes.map(ack) } });
const bindingSpec = {
  address: ADDRESS,
  epoch: 5,
  route: { namespace: "default", name: "my-ip-route", uid: UID },
  nodeName: "node1",
  owner: { podName: "proxy-ss-1", podUid: UID, podIp: "10.8.1.5" },
  delivery: "nat",
  fabric: "l2",
  network: "default",
};
const label = { metadata: { labels: { touched: "yes" } } };

const BINDING = { apiVersion: "podpin.dev/v1alpha1", kind: "AddressBinding" };

/** What the request is to get: done, refused for want of a right, or refused by the admission policy. */
type Answer = "done" | "no right" | "policy";
/** `PATCH` is a merge patch. */
type Row = readonly [answer: Answer, method: string, path: string, body?: object];

const AGENT_OF_NODE1: readonly Row[] = [
  // What it needs.
  ["done", "GET", bindings],
  ["done", "GET", binding],
  ["done", "GET", `${bindings}?watch=1&timeoutSeconds=1`],
  ["done", "GET", `${bindings}?fieldSelector=spec.nodeName%3Dnode1`],
  ["done", "GET", `${own}/configmaps/${CLUSTER_RANGES_CONFIG_MAP}`],
  ["done", "GET", `${own}/configmaps?fieldSelector=metadata.name%3D${CLUSTER_RANGES_CONFIG_MAP}`],
  ["done", "PATCH", `${binding}/status`, acks("node1", "node2")],
  // The entry of another node, added, taken away or changed.
  ["policy", "PATCH", `${binding}/status`, acks("node1", "node2", "node3")],
  ["policy", "PATCH", `${binding}/status`, acks("node1")],
  ["policy", "PATCH", `${binding}/status`, { status: null }],
  ["policy", "PATCH", `${binding}/status`, { status: { acks: [{ ...ack("node2"), epoch: 6 }] } }],
  // Bindings are the controller's.
  ["no right", "PATCH", binding, { spec: { nodeName: "node2" } }],
  ["no right", "PUT", `${binding}/status`, { metadata: { name: ADDRESS }, spec: bindingSpec }],
  ["no right", "PUT", binding, { metadata: { name: ADDRESS }, spec: bindingSpec }],
  ["no right", "POST", bindings, { metadata: { name: "198.51.100.8" }, spec: { ...bindingSpec } }],
  ["no right", "DELETE", binding],
  ["no right", "DELETE", bindings],
  // Nothing secret, and no other word of its own namespace.
  ["no right", "GET", `${own}/secrets/${HEARTBEAT_KEYS}`],
  ["no right", "GET", `${own}/secrets`],
  ["no right", "GET", `${own}/secrets?fieldSelector=metadata.name%3D${HEARTBEAT_KEYS}`],
  ["no right", "GET", `${core}/secrets`],
  ["no right", "PATCH", `${own}/secrets/${HEARTBEAT_KEYS}`, label],
  ["no right", "GET", `${own}/configmaps`],
  ["no right", "GET", `${own}/configmaps/another`],
  ["no right", "PATCH", `${own}/configmaps/${CLUSTER_RANGES_CONFIG_MAP}`, label],
  ["no right", "GET", `${other}/configmaps/${CLUSTER_RANGES_CONFIG_MAP}`],
  ["no right", "POST", `${own}/serviceaccounts/${CONTROLLER}/token`, { spec: {} }],
  ["no right", "POST", `${own}/serviceaccounts/${AGENT}/token`, { spec: {} }],
  // Nothing else of the cluster.
  ["no right", "GET", `${core}/pods`],
  ["no right", "GET", `${own}/pods`],
  ["no right", "POST", `${own}/pods/${AGENT}-node2/exec?command=id`],
  ["no right", "GET", `${core}/nodes/node1`],
  ["no right", "PATCH", `${core}/nodes/node1`, label],
  ["no right", "GET", route],
  ["no right", "PATCH", `${route}/status`, { status: {} }],
  ["no right", "GET", `${gateway}/gateways`],
  ["no right", "GET", `${leases}/${CONTROLLER}`],
  ["no right", "GET", `${rbac}/clusterroles`],
  ["no right", "DELETE", `${admission}/validatingadmissionpolicies/podpin-agent-acknowledgements`],
];

const AGENT_WITHOUT_POD: readonly Row[] = [
  ["done", "GET", bindings],
  ["policy", "PATCH", `${binding}/status`, acks("node1", "node2")],
  ["policy", "PATCH", `${binding}/status`, acks("node2")],
  ["no right", "GET", `${own}/secrets/${HEARTBEAT_KEYS}`],
];

const secret = (name: string): object => named(name, { apiVersion: "v1", kind: "Secret" });

const CONTROLLER_ROWS: readonly Row[] = [
  // What it reads.
  ["done", "GET", `${core}/pods`],
  ["done", "GET", `${core}/pods?watch=1&timeoutSeconds=1`],
  ["done", "GET", `${core}/nodes`],
  ["done", "GET", `${core}/namespaces`],
  ["done", "GET", "/apis/networking.k8s.io/v1/servicecidrs"],
  ["done", "GET", `${gateway}/gatewayclasses`],
  ["done", "GET", `${gateway}/gateways`],
  ["done", "GET", `${gke}/gkeiproutes`],
  ["done", "GET", `${gke}/networks`],
  ["done", "GET", crds],
  // What it writes.
  ["done", "PATCH", route, { metadata: { finalizers: ["podpin.dev/addresses"] } }],
  ["done", "PATCH", `${route}/status`, { status: { pods: [] } }],
  [
    "done",
    "POST",
    bindings,
    { ...BINDING, ...named("198.51.100.8", { spec: { ...bindingSpec, address: "198.51.100.8" } }) },
  ],
  ["done", "PATCH", binding, { spec: { epoch: 6 } }],
  ["done", "PATCH", `${binding}/status`, acks("node1")],
  ["done", "DELETE", binding],
  ["done", "POST", `${own}/configmaps`, named("new")],
  ["done", "PATCH", `${own}/configmaps/${CLUSTER_RANGES_CONFIG_MAP}`, label],
  ["done", "GET", `${leases}/${CONTROLLER}`],
  ["done", "POST", "/apis/events.k8s.io/v1/namespaces/default/events", event()],
  // The keys of the heartbeats, by that name and in that namespace.
  ["done", "POST", `${own}/secrets`, secret("new")],
  ["done", "GET", `${own}/secrets/${HEARTBEAT_KEYS}`],
  ["done", "GET", `${own}/secrets?fieldSelector=metadata.name%3D${HEARTBEAT_KEYS}`],
  ["done", "PUT", `${own}/secrets/${HEARTBEAT_KEYS}`, secret(HEARTBEAT_KEYS)],
  ["no right", "DELETE", `${own}/secrets/${HEARTBEAT_KEYS}`],
  ["no right", "GET", `${own}/secrets`],
  ["no right", "GET", `${own}/secrets/another`],
  ["no right", "PUT", `${own}/secrets/another`, secret("another")],
  ["no right", "GET", `${core}/secrets`],
  ["no right", "GET", `${other}/secrets/${HEARTBEAT_KEYS}`],
  ["no right", "POST", `${other}/secrets`, secret(HEARTBEAT_KEYS)],
  // What belongs to others.
  ["no right", "DELETE", route],
  ["no right", "POST", `${gke}/namespaces/default/gkeiproutes`, named("another", { spec: {} })],
  ["no right", "PATCH", `${gateway}/namespaces/default/gateways/pool`, label],
  ["no right", "PATCH", `${crds}/addressbindings.podpin.dev`, label],
  ["no right", "DELETE", `${crds}/addressbindings.podpin.dev`],
  ["no right", "DELETE", `${other}/pods/proxy-ss-1`],
  ["no right", "PATCH", `${core}/nodes/node1`, label],
  ["no right", "GET", `${own}/configmaps/another`],
  ["no right", "POST", `${other}/configmaps`, named("new")],
  ["no right", "GET", `${leases}/another`],
  ["no right", "POST", `${own}/serviceaccounts/${AGENT}/token`, { spec: {} }],
  ["no right", "GET", `${rbac}/clusterroles`],
  ["no right", "PATCH", `${rbac}/clusterroles/${CONTROLLER}`, label],
  ["no right", "DELETE", `${admission}/validatingadmissionpolicies/podpin-agent-acknowledgements`],
];

function event(): object {
  return named("assigned", {
    eventTime: "2026-11-21T08:00:00.000000Z",
    action: "Assign",
    reason: "AddressesAssigned",
    type: "Normal",
    note: "198.51.100.7 assigned",
    reportingController: "podpin.dev/persistent-ip-controller",
    reportingInstance: "controller",
    regarding: { apiVersion: "networking.gke.io/v1", kind: "GKEIPRoute", namespace: "default", name: "my-ip-route" },
  });
}

let cluster: DeclaredCluster;
let server: { readonly url: string; readonly ca: Buffer };
interface KubeConfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } },
  ];
}
const tokens = { agent: "", unbound: "", controller: "" };
const connections = new Agent({ keepAlive: true });

beforeAll(async () => {
  cluster = await DeclaredCluster.start();
  const found = await parts("gateway-api-crds");
  await installGatewayApi(cluster, { gatewayApiCrds: found["gateway-api-crds"] });
  for (const definition of gkeApi) await cluster.create(definition);
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  const objects: readonly object[] = [
    { apiVersion: "v1", kind: "Node", ...named("node1") },
    { apiVersion: "v1", kind: "Node", ...named("node2") },
    ...[HEARTBEAT_KEYS, "another"].map((name) => inOwn("Secret", name)),
    ...[CLUSTER_RANGES_CONFIG_MAP, "another"].map((name) => inOwn("ConfigMap", name)),
    ...[CONTROLLER, "another"].map((name) => ({ ...inOwn("Lease", name), apiVersion: "coordination.k8s.io/v1" })),
    {
      apiVersion: "networking.gke.io/v1",
      kind: "GKEIPRoute",
      metadata: { name: "my-ip-route", namespace: "default" },
      spec: {
        parentRefs: [{ name: "pool" }],
        addresses: [{ value: `${ADDRESS}/32`, type: "IPAddress" }],
        podSelector: { matchLabels: { app: "proxy" } },
        network: "default",
      },
    },
    { ...BINDING, ...named(ADDRESS, { spec: bindingSpec }) },
  ];
  for (const object of objects) await cluster.create(object);
  const status = JSON.stringify(acks("node2"));
  const patch = ["patch", "addressbinding", ADDRESS, "--subresource=status", "--type=merge", "--patch", status];
  await cluster.kubectl(patch);

  const config = JSON.parse(await cluster.kubectl(["config", "view", "--raw", "-o", "json"])) as KubeConfig;
  const [
    {
      cluster: { server: url, "certificate-authority-data": ca },
    },
  ] = config.clusters;
  server = { url, ca: Buffer.from(ca, "base64") };
  tokens.agent = await cluster.podOn("node1", AGENT);
  await cluster.podOn("node2", AGENT);
  tokens.unbound = await cluster.tokenOf(AGENT);
  tokens.controller = await cluster.podOn("node1", CONTROLLER);
  // The API server puts a new policy into force a moment after it has taken it.
  const end = performance.now() + 30_000;
  while ((await answerTo(tokens.unbound, "PATCH", `${binding}/status`, acks())).startsWith("done")) {
    if (performance.now() > end) throw new Error("the admission policy is not in force after 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}, 1_800_000);

afterAll(async () => {
  connections.destroy();
  await cluster?.stop();
});

function inOwn(kind: string, name: string): object {
  return { apiVersion: "v1", kind, metadata: { name, namespace: PODPIN_NAMESPACE } };
}

/** `done`, `no right` or `policy`; the server's own words for anything else. */
async function answerTo(token: string, method: string, path: string, body?: object): Promise<string> {
  for (;;) {
    const answer = await answerOnce(token, method, path, body);
    // Definitions that were just made: the server asks to be asked again.
    if (!answer.startsWith("429 ")) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function answerOnce(token: string, method: string, path: string, body?: object): Promise<string> {
  const url = new URL(path, server.url);
  if (method !== "GET") url.searchParams.set("dryRun", "All");
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, ca: server.ca, agent: connections }, (answer) => {
      const status = answer.statusCode ?? 0;
      let text = "";
      answer.on("data", (data: Buffer) => (text += data.toString()));
      answer.on("error", reject);
      answer.on("end", () => {
        if (status === 200 || status === 201) resolve("done");
        else if (status === 403 && text.includes("cannot ")) resolve("no right");
        else if (status === 422 && text.includes("ValidatingAdmissionPolicy 'podpin-agent-acknowledgements'"))
          resolve("policy");
        else resolve(`${status} ${text}`);
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The rows as jest prints them; it takes a missing last column for its own callback. */
const titled = (rows: readonly Row[]) =>
  rows.map(([answer, method, path, body]) => ({ answer, method, path, body, sent: JSON.stringify(body) ?? "" }));

describe("the token of node1's agent", () => {
  test.each(titled(AGENT_OF_NODE1))("$answer: $method $path $sent", async ({ answer, method, path, body }) => {
    expect(await answerTo(tokens.agent, method, path, body)).toBe(answer);
  });
});

describe("a token of the agents' account that no Pod holds", () => {
  test.each(titled(AGENT_WITHOUT_POD))("$answer: $method $path $sent", async ({ answer, method, path, body }) => {
    expect(await answerTo(tokens.unbound, method, path, body)).toBe(answer);
  });
});

describe("the token of the controller", () => {
  test.each(titled(CONTROLLER_ROWS))("$answer: $method $path $sent", async ({ answer, method, path, body }) => {
    expect(await answerTo(tokens.controller, method, path, body)).toBe(answer);
  });
});
