import { check, type CheckInput } from "../../lab/pulumi/kubernetes-plugin/check";
import {
  isSecret,
  secret,
  UNKNOWN_STRING,
  withoutSecrets,
  type JsonObject,
} from "../../lab/pulumi/kubernetes-plugin/values";
import { uniqueName } from "../../lab/pulumi/plugin/unique-name";

const URN = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::front";
const SEED = new Uint8Array([1, 2, 3]);

function checked(news: JsonObject, more: Partial<CheckInput> = {}): JsonObject {
  const result = check({ urn: URN, olds: {}, news, randomSeed: SEED, defaultNamespace: "", namespaced: true, ...more });
  expect(result.failures).toEqual([]);
  return result.inputs;
}

const configMap = (metadata: JsonObject = {}): JsonObject => ({ apiVersion: "v1", kind: "ConfigMap", metadata });

describe("names", () => {
  test("are left alone where the program gives one, even one that a preview does not know", () => {
    const named: JsonObject[] = [{ name: "given" }, { generateName: "given-" }, { name: UNKNOWN_STRING }];
    for (const metadata of named) {
      expect(checked(configMap(metadata))["metadata"]).toEqual(metadata);
    }
  });

  test("are made of the resource's name and eight digits of the seed, and marked", () => {
    const name = uniqueName("front", SEED, 8);
    expect(name).toMatch(/^front-[0-9a-f]{8}$/);
    expect(checked(configMap())["metadata"]).toEqual({ name, annotations: { "pulumi.com/autonamed": "true" } });
    expect(uniqueName("front", new Uint8Array([4]), 8)).not.toBe(name);
  });

  test("stay what they were made at the first deployment, but a given name is not taken for a made one", () => {
    const olds = configMap({ name: "front-00c0ffee", annotations: { "pulumi.com/autonamed": "true" } });
    expect(checked(configMap(), { olds })["metadata"]).toEqual(olds["metadata"]);
    const given = checked(configMap(), { olds: configMap({ name: "given" }) });
    expect(given["metadata"]).toMatchObject({ name: uniqueName("front", SEED, 8) });
  });
});

describe("the provider's namespace", () => {
  test("is for namespaced kinds that name none", () => {
    const more = { defaultNamespace: "edge" };
    expect(checked(configMap({ name: "a" }), more)["metadata"]).toEqual({ name: "a", namespace: "edge" });
    const own = { name: "a", namespace: "own" };
    expect(checked(configMap(own), more)["metadata"]).toEqual(own);
    const unknown = { name: "a", namespace: UNKNOWN_STRING };
    expect(checked(configMap(unknown), more)["metadata"]).toEqual(unknown);
    expect(checked(configMap({ name: "a" }), { ...more, namespaced: false })["metadata"]).toEqual({ name: "a" });
  });
});

describe("a Secret", () => {
  const base = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };

  test("has its stringData folded into data, all of it marked secret", () => {
    const inputs = checked({ ...base, data: { a: "QQ==" }, stringData: { a: "new", b: "B" } });
    expect(isSecret(inputs["data"])).toBe(true);
    expect(withoutSecrets(inputs)).toEqual({ ...base, data: { a: "bmV3", b: "Qg==" } });
  });

  test("keeps its stringData while a preview does not know all of it", () => {
    const inputs = checked({ ...base, stringData: { a: UNKNOWN_STRING } });
    expect(withoutSecrets(inputs)).toEqual({ ...base, stringData: { a: UNKNOWN_STRING } });
  });
});

describe("inputs", () => {
  test("keep their secret marks, lose nulls and read-only metadata, and get the dashes of schema fields back", () => {
    const inputs = checked({
      ...configMap({ name: "a", uid: "u", creationTimestamp: null }),
      data: { token: secret("t"), color: "red" },
      schema: { x_kubernetes_preserve_unknown_fields: true, list: [{ x_kubernetes_list_type: "map" }] },
    });
    expect(inputs).toEqual({
      ...configMap({ name: "a" }),
      data: { token: secret("t"), color: "red" },
      schema: { "x-kubernetes-preserve-unknown-fields": true, list: [{ "x-kubernetes-list-type": "map" }] },
    });
  });
});

describe("what the stand-in cannot do", () => {
  test.each([
    ["kubernetes:helm.sh/v3:Release", {}, "kubernetes:helm.sh/v3:Release: the lab's stand-in plugin deploys plain"],
    [
      "kubernetes:apps/v1:DeploymentPatch",
      { apiVersion: "apps/v1", kind: "Deployment" },
      "kubernetes:apps/v1:DeploymentPatch: Patch resources are not supported; the lab's stand-in plugin",
    ],
    [
      "kubernetes:core/v1:ConfigMapList",
      { apiVersion: "v1", kind: "ConfigMapList", items: [] },
      "kubernetes:core/v1:ConfigMapList: a list cannot be created itself; declare its items one by one",
    ],
  ])("%s is refused with what to do instead", (type, news, text) => {
    const urn = `urn:pulumi:dev::shop::${type}::it`;
    const { failures } = check({ urn, olds: {}, news, randomSeed: SEED, defaultNamespace: "", namespaced: true });
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toContain(text);
  });

  test("a custom kind whose own name ends in Patch is none of it", () => {
    const news = { apiVersion: "example.com/v1", kind: "RoadPatch", metadata: { name: "a" } };
    expect(checked(news, { urn: "urn:pulumi:dev::shop::kubernetes:example.com/v1:RoadPatch::a" })).toEqual(news);
  });
});
