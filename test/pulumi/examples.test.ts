// The two examples declare the same objects.
import * as pulumi from "@pulumi/pulumi";
import { App, Testing } from "cdk8s";

import { ProxySs } from "../../examples/proxy-ss-cdk8s/chart";
import { useMocks, valueOf } from "./graph";

interface Shown {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: object;
}
const seen: Shown[] = [];

useMocks({ preview: false }, (type, inputs) => {
  if (type.startsWith("kubernetes:")) seen.push(inputs as unknown as Shown);
});

const named = ({ kind, metadata }: Shown) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;

test("the Pulumi program and the chart declare the same objects", async () => {
  // A Pulumi program runs by being loaded, and the mocks have to be there first.
  const program = jest.requireActual<{ pinned: pulumi.Output<string>[] }>("../../examples/proxy-ss/index");
  await (pulumi.runtime as unknown as { disconnect(): Promise<void> }).disconnect();
  expect(await Promise.all(program.pinned.map(valueOf))).toEqual(["198.51.100.7", "198.51.100.8"]);

  const chart = Testing.synth(new ProxySs(new App(), "proxy-ss")) as Shown[];
  expect(seen.map(named).sort()).toEqual(chart.map(named).sort());
  expect(chart.map(({ kind }) => kind).indexOf("Namespace")).toBe(0);
  const specs = (objects: Shown[], kinds: string[]) =>
    objects.filter(({ kind }) => kinds.includes(kind)).map(({ kind, spec }) => ({ kind, spec }));
  const own = ["StatefulSet", "Gateway", "GKEIPRoute"];
  expect(specs(seen, own)).toEqual(expect.arrayContaining(specs(chart, own)));
  expect(specs(chart, own)).toHaveLength(3);
});
