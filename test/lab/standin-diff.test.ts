import fc from "fast-check";

import { checkpoint, prunedTo, sameQuantity } from "../../lab/pulumi/kubernetes-plugin/checkpoint";
import { diff } from "../../lab/pulumi/kubernetes-plugin/diff";
import { DiffKind, type Diff } from "../../lab/pulumi/plugin/difference";
import { formatPath, isWithin, parsePath } from "../../lab/pulumi/plugin/path";
import { hasSecret, secret, UNKNOWN_STRING, type JsonObject } from "../../lab/pulumi/kubernetes-plugin/values";

interface Options {
  readonly live?: JsonObject;
  readonly ignoreChanges?: readonly string[];
  readonly namespaced?: boolean;
  readonly mutable?: boolean;
}

function compare(oldInputs: JsonObject, news: JsonObject, options: Options = {}): Diff {
  const olds = checkpoint(options.live ?? oldInputs, oldInputs, oldInputs, "pulumi-kubernetes-1");
  const mutable = options.mutable ?? false;
  const { ignoreChanges = [], namespaced = true } = options;
  return diff({
    olds,
    oldInputs,
    news,
    ignoreChanges,
    namespaced,
    mutability: { configMaps: mutable, secrets: mutable },
  });
}

const route = (spec: JsonObject, metadata: JsonObject = { name: "r", namespace: "edge" }): JsonObject => ({
  apiVersion: "networking.gke.io/v1",
  kind: "GKEIPRoute",
  metadata,
  spec,
});
const built = (apiVersion: string, kind: string, rest: JsonObject): JsonObject => ({
  apiVersion,
  kind,
  metadata: { name: "x" },
  ...rest,
});

describe("paths", () => {
  test("are written as the engine reads them, and read back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(99), fc.stringMatching(/^[a-zA-Z][\w./"-]{0,8}$/)), { minLength: 1 }),
        (path) => {
          fc.pre(typeof path[0] === "string");
          expect(parsePath(formatPath(path))).toEqual(path);
        },
      ),
    );
    expect(formatPath(["spec", "addresses", 0, "value"])).toBe("spec.addresses[0].value");
    expect(formatPath(["metadata", "labels", "podpin.dev/a"])).toBe('metadata.labels["podpin.dev/a"]');
  });

  test("lie below their beginnings, and [*] stands for any item", () => {
    expect(isWithin(["spec", "containers", 2, "image"], parsePath("spec.containers[*].image"))).toBe(true);
    expect(isWithin(["spec"], parsePath("spec.containers"))).toBe(false);
  });
});

describe("a difference", () => {
  test("of a custom resource is an update, named to the last field", () => {
    const olds = route({ addresses: [{ value: "198.51.100.7/32" }], network: "default", haPolicy: true });
    const news = route({ addresses: [{ value: "198.51.100.8/32" }, { value: "198.51.100.9/32" }], network: "blue" });
    const result = compare(olds, news);
    expect(Object.fromEntries(result.changes)).toEqual({
      "spec.addresses[0].value": DiffKind.update,
      "spec.addresses[1]": DiffKind.add,
      "spec.haPolicy": DiffKind.delete,
      "spec.network": DiffKind.update,
    });
    expect(result).toMatchObject({ replaces: [], deleteBeforeReplace: false });
  });

  test("is none between equal objects, an absent and the default namespace, and a stray namespace", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.jsonValue()), (spec) => {
        const object = route(JSON.parse(JSON.stringify(spec)) as JsonObject);
        expect(compare(object, object).changes.size).toBe(0);
      }),
    );
    const odd = route(JSON.parse('{"a":{"__proto__":{"b":0},"toString":1}}') as JsonObject);
    expect(compare(odd, odd).changes.size).toBe(0);
    const absent = route({}, { name: "r" });
    expect(compare(absent, route({}, { name: "r", namespace: "default" })).changes.size).toBe(0);
    const stray = route({}, { name: "r", namespace: "edge" });
    expect(compare(absent, stray, { namespaced: false }).changes.size).toBe(0);
  });

  test("is not told where the program ignores it", () => {
    const [olds, news] = [route({ network: "a", other: 1 }), route({ network: "b", other: 2 })];
    expect([...compare(olds, news, { ignoreChanges: ["spec.network"] }).changes.keys()]).toEqual(["spec.other"]);
    expect(compare(olds, news, { ignoreChanges: ["spec"] }).changes.size).toBe(0);
  });

  test("shows a field that the API server has dropped from a custom resource, in every preview", () => {
    const inputs = route({ network: "a", typo: 1 });
    const result = compare(inputs, inputs, { live: route({ network: "a" }) });
    expect(Object.fromEntries(result.changes)).toEqual({ "spec.typo": DiffKind.add });
  });

  test("is none where a built-in object comes back in another spelling, or with more in it", () => {
    const inputs = built("apps/v1", "Deployment", { spec: { cpu: "1000m", empty: {} } });
    const live = built("apps/v1", "Deployment", { spec: { cpu: "1", replicas: 1 }, status: {} });
    expect(compare(inputs, inputs, { live }).changes.size).toBe(0);
  });
});

describe("a replacement", () => {
  test.each<[string, JsonObject, JsonObject, string[]]>([
    [
      "a ConfigMap's data",
      built("v1", "ConfigMap", { data: { a: "1" } }),
      built("v1", "ConfigMap", { data: { a: "2" } }),
      ["data.a"],
    ],
    [
      "a ConfigMap's first data",
      built("v1", "ConfigMap", {}),
      built("v1", "ConfigMap", { data: { a: "2" } }),
      ["data"],
    ],
    ["a Secret's type", built("v1", "Secret", { type: "a" }), built("v1", "Secret", { type: "b" }), ["type"]],
    [
      "a Deployment's selector",
      built("apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "1" } } } }),
      built("apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "2" } } } }),
      ["spec.selector.matchLabels.a"],
    ],
    [
      "a Pod's image",
      built("v1", "Pod", { spec: { containers: [{ image: "a:1" }] } }),
      built("v1", "Pod", { spec: { containers: [{ image: "a:2" }] } }),
      ["spec.containers[0].image"],
    ],
    [
      "a StatefulSet's selector hidden in a spec that is not known yet",
      built("apps/v1", "StatefulSet", { spec: { replicas: 1 } }),
      built("apps/v1", "StatefulSet", { spec: UNKNOWN_STRING }),
      ["spec"],
    ],
  ])("follows from a change of %s, old one first", (_what, olds, news, replaces) => {
    const result = compare(olds, news);
    expect(result.replaces).toEqual(replaces);
    expect(result.deleteBeforeReplace).toBe(true);
  });

  test.each<[string, JsonObject, JsonObject]>([
    [
      "a Deployment's template",
      built("apps/v1", "Deployment", { spec: { template: { a: 1 } } }),
      built("apps/v1", "Deployment", { spec: { template: { a: 2 } } }),
    ],
    [
      "a Pod's labels",
      built("v1", "Pod", {}),
      { ...built("v1", "Pod", {}), metadata: { name: "x", labels: { a: "1" } } },
    ],
    [
      "a replica count that is not known yet",
      built("apps/v1", "StatefulSet", { spec: { replicas: 1 } }),
      built("apps/v1", "StatefulSet", { spec: { replicas: UNKNOWN_STRING } }),
    ],
  ])("does not follow from a change of %s", (_what, olds, news) => {
    expect(compare(olds, news)).toMatchObject({ replaces: [], deleteBeforeReplace: false });
  });

  test("by another name or namespace makes the new object first", () => {
    const olds = route({}, { name: "a", namespace: "edge" });
    for (const metadata of [
      { name: "b", namespace: "edge" },
      { name: "a", namespace: "core" },
    ]) {
      const result = compare(olds, route({}, metadata));
      expect(result.replaces).toHaveLength(1);
      expect(result.deleteBeforeReplace).toBe(false);
    }
  });

  test("of an object that the engine named makes the new object first, since it gets a new name", () => {
    const metadata = { name: "x-00c0ffee", annotations: { "pulumi.com/autonamed": "true" } };
    const [olds, news] = ["1", "2"].map((a) => ({ ...built("v1", "ConfigMap", { data: { a } }), metadata }));
    expect(compare(olds ?? {}, news ?? {})).toMatchObject({ replaces: ["data.a"], deleteBeforeReplace: false });
  });

  test("of ConfigMaps is switched off by enableConfigMapMutable, but not for one that says it is immutable", () => {
    const [olds, news] = ["1", "2"].map((a) => built("v1", "ConfigMap", { data: { a } }));
    expect(compare(olds ?? {}, news ?? {}, { mutable: true }).replaces).toEqual([]);
    const fixed = { ...news, immutable: true };
    expect(compare({ ...olds, immutable: true }, fixed, { mutable: true }).replaces).toEqual(["data.a"]);
  });
});

describe("the state", () => {
  test("marks what is secret in the inputs, and every Secret's data, in outputs and inputs", () => {
    const inputs = built("v1", "ConfigMap", { data: { token: secret("t"), color: "red" } });
    const plain = built("v1", "ConfigMap", { data: { token: "t", color: "red" } });
    const state = checkpoint(plain, plain, inputs, "m");
    expect(state).toMatchObject({ data: inputs["data"], __inputs: { data: inputs["data"] }, __fieldManager: "m" });
    const live = built("v1", "Secret", { data: { a: "QQ==" } });
    expect(hasSecret(checkpoint(live, live, {}, "m")["data"])).toBe(true);
  });

  test("of a refresh has the fields of the inputs only, with their spelling where the value is the same", () => {
    const shape = { spec: { cpu: "1000m", empty: [], replicas: 2, ports: [{ port: 1 }] } };
    const live: JsonObject = {
      spec: { cpu: "1", replicas: 3, ports: [{ port: 1, protocol: "TCP" }, { port: 2 }], more: 1 },
      status: {},
    };
    expect(prunedTo(live, shape, { respelled: true })).toEqual({
      spec: { cpu: "1000m", empty: [], replicas: 3, ports: [{ port: 1 }] },
    });
    expect(prunedTo(live, shape, { respelled: false })).toEqual({
      spec: { cpu: "1", replicas: 3, ports: [{ port: 1 }] },
    });
  });

  test.each([
    ["1000m", "1", true],
    ["1Gi", "1024Mi", true],
    [0.5, "500m", true],
    ["1G", "1Gi", false],
    ["red", "red", false],
  ])("takes the quantities %p and %p for the same: %p", (left, right, same) => {
    expect(sameQuantity(left, right)).toBe(same);
  });
});
