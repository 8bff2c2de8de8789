import { list } from "../../controller-image/src/kube/collection";
import { KubeError } from "../../controller-image/src/kube/api";
import type { Transport } from "../../controller-image/src/kube/transport";
import { RESOURCES } from "../../lib/model/kubernetes";

const selection = { resource: RESOURCES.configMaps, binary: false };
const page = (items: readonly string[], next = "") => ({
  contentType: "application/json",
  body: Buffer.from(JSON.stringify({ metadata: { resourceVersion: "7", continue: next }, items })),
});

/** Lists what the answers say; tells in which order pages are asked for and items arrive. */
async function listed(answers: readonly (ReturnType<typeof page> | KubeError)[]) {
  const order: string[] = [];
  let asked = 0;
  const download = ({ path }: { path: string }): Promise<ReturnType<typeof page>> => {
    order.push(`asks ${path.slice(path.indexOf("?") + 1)}`);
    const answer = answers[asked++];
    return answer instanceof KubeError || answer === undefined
      ? Promise.reject(answer ?? new Error("nobody expected this request"))
      : Promise.resolve(answer);
  };
  const transport = { download } as unknown as Transport;
  const done = list(transport, selection, new AbortController().signal, (item) => order.push(`reads ${String(item)}`));
  const version = await done.catch((error: unknown) => (error instanceof Error ? error.message : error));
  return { order, version };
}

test("the next page is asked for before one is read, so that the server makes it meanwhile", async () => {
  expect(await listed([page(["a", "b"], "x"), page(["c"], "y"), page(["d"])])).toEqual({
    version: "7",
    order: [
      "asks limit=500",
      "asks limit=500&continue=x",
      "reads a",
      "reads b",
      "asks limit=500&continue=y",
      "reads c",
      "reads d",
    ],
  });
});

test("where a page is too large, smaller ones are asked for from the same place, and after it", async () => {
  const tooLarge = new KubeError(0, "TooLarge", "the answer is too large");
  expect(await listed([page(["a"], "x"), tooLarge, page(["b"], "y"), page(["c"])])).toEqual({
    version: "7",
    order: [
      "asks limit=500",
      "asks limit=500&continue=x",
      "reads a",
      "asks limit=62&continue=x",
      "asks limit=62&continue=y",
      "reads b",
      "reads c",
    ],
  });
});

test("a page that fails ends the list when its turn comes", async () => {
  const expired = new KubeError(410, "Expired", "the continue token has expired");
  expect(await listed([page(["a"], "x"), expired])).toEqual({
    version: "the continue token has expired",
    order: ["asks limit=500", "asks limit=500&continue=x", "reads a"],
  });
});
