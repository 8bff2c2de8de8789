import { OwnWrites } from "../../controller-image/src/controller/own-writes";
import type { ObjectRef } from "../../controller-image/src/kube/api";
import { type KubeObject, type Resource, RESOURCES } from "../../lib/model/kubernetes";
import { VirtualClock } from "../support/virtual-clock";

const object = (name: string, resourceVersion: string): KubeObject => ({ metadata: { name, resourceVersion } });

/** Of a watch that shows nothing, and a server that takes a second for each answer. */
function lagging() {
  const clock = new VirtualClock();
  const asked: string[] = [];
  let open = 0;
  let most = 0;
  const writes = new OwnWrites<KubeObject>({
    clock,
    kube: {
      get: <T extends KubeObject>(_resource: Resource, { name }: ObjectRef): Promise<T | undefined> => {
        asked.push(name);
        most = Math.max(most, ++open);
        return new Promise((resolve) => {
          clock.after(1_000, () => {
            open--;
            resolve(object(name, "1") as T);
          });
        });
      },
    },
    resource: RESOURCES.addressBindings,
    decode: (found) => found,
    cached: () => undefined,
    onCorrected: () => undefined,
  });
  return { clock, asked, writes, most: () => most };
}

test("a watch that is behind with everything has one question asked at a time, not all at once", async () => {
  const { clock, asked, writes, most } = lagging();
  for (const name of ["a", "b", "c"]) writes.set(name, object(name, "1"));
  await clock.run(9_999);
  expect(asked).toEqual([]);
  await clock.run(3_100);
  expect([asked, most()]).toEqual([["a", "b", "c"], 1]);
});

test("what the watch has shown meanwhile is not asked for, and nothing is after the end", async () => {
  const { clock, asked, writes } = lagging();
  for (const name of ["a", "b", "c"]) writes.set(name, object(name, "1"));
  await clock.run(10_500);
  writes.delete("b");
  await clock.run(1_000);
  expect(asked).toEqual(["a", "c"]);
  writes.stop();
  await clock.run(60_000);
  expect(asked).toEqual(["a", "c"]);
});
