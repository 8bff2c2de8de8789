import { handedOver, owns } from "../../lab/pulumi/kubernetes-plugin/managed-fields";
import type { Json, JsonObject } from "../../lab/pulumi/kubernetes-plugin/values";

const ME = "pulumi-kubernetes-1a2b3c4d";

const entry = (manager: string, operation: string, fieldsV1: JsonObject, more: JsonObject = {}): JsonObject => ({
  manager,
  operation,
  apiVersion: "v1",
  fieldsType: "FieldsV1",
  fieldsV1,
  ...more,
});
const owned = (...managedFields: Json[]): JsonObject => ({ metadata: { name: "a", managedFields } });

describe("the hand-over before an apply", () => {
  test("turns what a create left behind into applied fields, but only those that the program had set", () => {
    const created = entry(ME, "Update", {
      "f:spec": {
        ".": {},
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
          "f:containers": {
            'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {} },
            'k:{"name":"injected"}': { "f:image": {} },
          },
          "f:finalizers": { 'v:"mine"': {}, 'v:"theirs"': {} },
        },
      },
    });
    const inputs = {
      spec: {
        selector: { matchLabels: { a: "b" } },
        template: { containers: [{ name: "web", image: "web:1" }], finalizers: ["mine"] },
      },
    };
    expect(handedOver(owned(created), ME, inputs)).toEqual([
      entry(ME, "Apply", {
        "f:spec": {
          ".": {},
          "f:selector": {},
          "f:template": {
            "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } },
            "f:finalizers": { 'v:"mine"': {} },
          },
        },
      }),
    ]);
  });

  test("finds a list item whose key the API server has completed", () => {
    const key = 'k:{"port":80,"protocol":"TCP"}';
    const created = entry(ME, "Update", { "f:ports": { [key]: { "f:port": {}, "f:protocol": {} } } });
    expect(handedOver(owned(created), ME, { ports: [{ port: 80 }] })).toEqual([
      entry(ME, "Apply", { "f:ports": { [key]: { "f:port": {} } } }),
    ]);
  });

  test("adds kubectl's fields to those applied before, and leaves everybody else's and every status alone", () => {
    const mine = entry(ME, "Apply", { "f:data": { "f:a": {} } });
    const kubectl = entry("kubectl-edit", "Update", { "f:data": { "f:b": {} } });
    const controller = entry("some-controller", "Update", { "f:data": { "f:c": {} } });
    const status = entry("kubectl", "Update", { "f:status": {} }, { subresource: "status" });
    const scaler = entry("kubectl", "Apply", { "f:data": { "f:d": {} } });
    expect(handedOver(owned(mine, kubectl, controller, status, scaler), ME, {})).toEqual([
      controller,
      status,
      entry(ME, "Apply", { "f:data": { "f:a": {}, "f:b": {}, "f:d": {} } }),
    ]);
  });

  test("is nothing to do where all is applied already", () => {
    expect(handedOver(owned(entry(ME, "Apply", {}), entry("other", "Update", {})), ME, {})).toBeUndefined();
    expect(handedOver({ metadata: {} }, ME, {})).toBeUndefined();
  });
});

test("a field is owned by who has it or something below it", () => {
  const object = owned(entry("other", "Update", { "f:spec": { "f:network": {} } }));
  const isOther = (name: string): boolean => name === "other";
  expect(owns(object, ["spec", "network"], isOther)).toBe(true);
  expect(owns(object, ["spec"], isOther)).toBe(true);
  expect(owns(object, ["spec", "addresses"], isOther)).toBe(false);
  expect(owns(object, ["spec"], (name) => name === ME)).toBe(false);
});
