// The plugin folder: what languages other than TypeScript see of the components.
import * as podpin from "../../lib/pulumi";
import { pluginSchema, presentSchema } from "../../tools/plugin-schema";

interface Schema {
  readonly resources: Record<string, Resource>;
  readonly types: Record<string, { readonly enum?: readonly { readonly value: string }[] }>;
}

interface Resource {
  readonly inputProperties: Record<string, Property>;
  readonly properties: Record<string, Property>;
}

interface Property {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
}

let inferred: string;
let schema: Schema;

beforeAll(async () => {
  inferred = await pluginSchema();
  schema = JSON.parse(inferred) as Schema;
}, 120_000);

test("the SDK's analyzer accepts every component of podpin/pulumi", () => {
  const components = Object.keys(podpin).filter((name) => /^(Persistent|Pinned|Pod|Byoip)/.test(name) && isClass(name));
  expect(Object.keys(schema.resources).sort()).toEqual(components.map((name) => `podpin:index:${name}`).sort());
});

test("the plugin has the schema that follows from the components; npm run docs writes it", async () => {
  expect(await presentSchema()).toBe(inferred);
});

test("components refer to each other, and words are spelled out", () => {
  const route = schema.resources["podpin:index:PinnedPodRoute"]!;
  expect(route.inputProperties["pool"]).toMatchObject({ $ref: "#/resources/podpin:index:PersistentIpPool" });
  expect(route.inputProperties["reactionMode"]).toMatchObject({ $ref: "#/types/podpin:index:ReactionMode" });
  expect(schema.types["podpin:index:ReactionMode"]?.enum?.map(({ value }) => value)).toEqual([
    "ReadyCondition",
    "Exists",
  ]);
});

test("every argument says what it means", () => {
  const silent = Object.entries(schema.resources).flatMap(([type, { inputProperties }]) =>
    Object.entries(inputProperties)
      .filter(([, { description = "" }]) => description === "")
      .map(([name]) => `${type}.${name}`),
  );
  expect(silent).toEqual([]);
});

/** A component is a class of ours: a function with a prototype whose parent is a function of Pulumi. */
function isClass(name: string): boolean {
  const value = (podpin as unknown as Record<string, unknown>)[name];
  return typeof value === "function";
}
