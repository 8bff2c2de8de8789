// A backup of etcd is restored under clients that go on. The API server takes their watches from versions that it has not reached yet,
// and says nothing.
import { RESOURCES } from "../../../lib/model/kubernetes";
import { until } from "../../support/fake-api-server";
import { type Bench, configMap, type Followed, impatient, type Map } from "./bench";

const { configMaps } = RESOURCES;

export function restoredScenarios(bench: Bench): void {
  test("copies follow a server that was restored, and has meanwhile got further than it was", async () => {
    const spaces = [await bench.spaceWith("kept", "old"), await bench.spaceWith("kept", "old")] as const;
    const elsewhere = await bench.freshNamespace();
    const { kube } = bench.client({}, impatient);
    let rewound = 0;
    const follow = (namespace: string): Promise<Followed<Map>> =>
      bench.follow<Map>(kube, { resource: configMaps, namespace, onRewound: () => rewound++ });
    await bench.cluster.backup();
    const [edited, shortened] = [await follow(spaces[0]), await follow(spaces[1])];
    for (const namespace of spaces) await bench.admin.create(configMaps, configMap(namespace, "new"));
    await bench.admin.mergePatch(configMaps, { namespace: spaces[0], name: "kept" }, { data: { text: "later" } });
    await bench.admin.delete(configMaps, { namespace: spaces[1], name: "old" });
    await until("the last events", () => edited.seen.length === 4 && shortened.seen.length === 4, 60_000);
    await bench.cluster.restore();
    for (let i = 0; i < 20; i++) await bench.admin.create(configMaps, configMap(elsewhere, `more-${i}`));
    await until("both lists", () => rewound === 2, 120_000);
    for (const [i, { reflector }] of [edited, shortened].entries()) {
      const texts = [...reflector.values()].map(({ metadata: { name }, data }) => `${name} ${data?.["text"]}`);
      expect([i, texts.sort()]).toEqual([i, ["kept ", "old "]]);
    }
  });
}
