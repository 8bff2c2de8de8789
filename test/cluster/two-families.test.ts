// What a real API server sends of Pods that have addresses of two families, in the binary form that the controller asks for.
import { podAddress } from "../../lib/model/selection";
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import { decodePod, podPacking } from "../../controller-image/src/controller/pod-record";
import { projectPod } from "../../controller-image/src/controller/projections";
import { until } from "../support/fake-api-server";
import { Bench } from "./reflector/bench";

jest.setTimeout(180_000);

const { pods } = RESOURCES;
const bench = new Bench();
beforeAll(() => bench.start(), 1_800_000);
afterEach(() => bench.tidy());
afterAll(() => bench.stop());

test("their IPv4 address is found, whichever stands first, from a list and from a watch", async () => {
  const { admin, cluster } = bench;
  const namespace = await bench.freshNamespace();
  // No controller makes it here, and no Pod is admitted without.
  await cluster.kubectl(["create", "serviceaccount", "default", "-n", namespace]).catch(() => undefined);
  const make = async (name: string, ips: readonly string[]): Promise<void> => {
    const spec = { containers: [{ name: "app", image: "app" }], automountServiceAccountToken: false };
    const created = await admin.create<Pod>(pods, { metadata: { namespace, name }, spec } as Pod);
    const status = { phase: "Running", podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
    await admin.mergePatch(pods, created.metadata, { status }, "status");
  };
  await make("listed", ["2001:db8::5", "10.244.1.5"]);
  await make("alone", ["2001:db8::6"]);
  const options = { resource: pods, namespace, project: projectPod, decode: decodePod, packing: podPacking() };
  const { reflector } = await bench.follow<Pod>(bench.client().kube, options);
  await make("watched", ["10.244.1.7", "2001:db8::7"]);
  const found = (): readonly (string | undefined)[] =>
    ["listed", "watched", "alone"].map((name) => {
      const pod = reflector.get(`${namespace}/${name}`);
      return pod && podAddress(pod, "default");
    });
  await until("the addresses", () => found()[1] !== undefined, 10_000);
  expect(found()).toEqual(["10.244.1.5", "10.244.1.7", undefined]);
  expect(reflector.get(`${namespace}/alone`)?.status?.podIP).toBe("2001:db8::6");
});
