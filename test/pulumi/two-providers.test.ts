// Two clusters in one program: each component's objects go where its provider leads, none to the other or to a default.
import * as pulumi from "@pulumi/pulumi";
import { Provider } from "@pulumi/kubernetes/provider";

import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";

const providerOf = new Map<string, string>();

void pulumi.runtime.setMocks(
  {
    newResource: ({ type, name, inputs, provider }) => {
      if (type.startsWith("kubernetes:")) providerOf.set(`${type} ${name}`, provider ?? "");
      return { id: `${name}-id`, state: inputs };
    },
    call: ({ inputs }) => inputs,
  },
  "project",
  "stack",
  false,
);

test("every object has the provider of its component", async () => {
  for (const cluster of ["east", "west"]) {
    const provider = new Provider(cluster, { kubeconfig: `${cluster}.example.com` });
    const image = "registry.example.com/podpin:0.1.0";
    const controller = new PersistentIpController(`${cluster}-podpin`, { image }, { provider });
    const args = { addresses: ["198.51.100.7"], controller, gatewayClassName: "podpin-l2", namespace: "edge" };
    const pool = PersistentIpPool.fromAddresses(`${cluster}-pool`, args, { provider });
    new PinnedPodRoute(`${cluster}-route`, { pool, namespace: "edge", podSelector: { app: "x" } }, { provider });
  }
  await (pulumi.runtime as unknown as { disconnect(): Promise<void> }).disconnect();
  const objects = [...providerOf].filter(([resource]) => !resource.includes(":providers:"));
  expect(objects.length).toBeGreaterThan(40);
  const astray = objects.filter(([resource, provider]) => {
    const cluster = / (east|west)-/.exec(resource)?.[1] ?? "none";
    return !provider.includes(`::pulumi:providers:kubernetes::${cluster}::`);
  });
  expect(astray).toEqual([]);
});
