// The resources and calls of the client against Google's own description of the API: nothing is misspelt, nothing has another
// type, and no call has a parameter that the API does not know.
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

import type { Compute } from "../../../controller-image/src/fabric/gce/compute";
import { Routes } from "../../../lab/cloud/routes";
import { computeSchema } from "../../../lab/cloud/schema";
import { DONE, ok, passing, scripted } from "./scripted";

// Google's schema is 12 MB of text.
jest.setTimeout(300_000);

const FILE = path.join(__dirname, "../../../controller-image/src/fabric/gce/compute.ts");
const SOURCE = ts.createSourceFile(FILE, readFileSync(FILE, "utf8"), ts.ScriptTarget.ES2022, true);

/** Our interfaces, and Google's names of them. */
const MESSAGES: Readonly<Record<string, string>> = {
  Address: "Address",
  BackendService: "BackendService",
  Firewall: "Firewall",
  ForwardingRule: "ForwardingRule",
  HaPolicy: "BackendServiceHAPolicy",
  Instance: "Instance",
  NetworkEndpoint: "NetworkEndpoint",
  NetworkEndpointGroup: "NetworkEndpointGroup",
  Region: "Region",
  TargetInstance: "TargetInstance",
};

const interfaces = new Map(SOURCE.statements.filter(ts.isInterfaceDeclaration).map((one) => [one.name.text, one]));

/** Every property, those of what it extends first. */
function propertiesOf(declaration: ts.InterfaceDeclaration): ts.PropertySignature[] {
  const parents = (declaration.heritageClauses ?? []).flatMap(({ types }) => types);
  const inherited = parents.flatMap((parent) => propertiesOf(interfaces.get(parent.getText())!));
  return [...inherited, ...declaration.members.filter(ts.isPropertySignature)];
}

const SIMPLE: Readonly<Record<string, unknown>> = {
  string: "text",
  number: 1,
  boolean: true,
  "Readonly<Record<string, string>>": { key: "text" },
};

/** A value of the type: the values that it allows are tried one after another. */
function samples(type: ts.TypeNode): unknown[] {
  if (ts.isTypeOperatorNode(type)) return samples(type.type);
  if (ts.isArrayTypeNode(type)) return samples(type.elementType).map((one) => [one]);
  if (ts.isUnionTypeNode(type)) return type.types.flatMap(samples);
  if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text];
  if (ts.isTypeLiteralNode(type)) return ofProperties(type.members.filter(ts.isPropertySignature));
  const name = type.getText();
  const simple = SIMPLE[name];
  if (simple !== undefined) return [simple];
  const known = interfaces.get(name);
  if (known === undefined)
    throw new Error(`compute.ts: a field has the type ${name}, of which this test knows no value`);
  return ofProperties(propertiesOf(known));
}

/** One object for each value of each property. */
function ofProperties(properties: readonly ts.PropertySignature[]): object[] {
  return properties.flatMap((property) =>
    samples(property.type!).map((value) => ({ [property.name.getText()]: value })),
  );
}

/** Text stands for every value of an enumeration that our types leave open. */
const isOpen = (problem: string): boolean => /: got "text", want one of /.test(problem);

test("every interface of a resource is looked at", () => {
  const helpers =
    /^(Regional|Zonal|Global|Collections|Compute|ComputeResource|ComputeRequest|ComputeResponse|.*Options)$/;
  expect([...interfaces.keys()].filter((name) => !helpers.test(name)).sort()).toEqual(Object.keys(MESSAGES));
});

test.each(Object.entries(MESSAGES))("each field and each value of %s is one of Google's", (name, message) => {
  const values = ofProperties(propertiesOf(interfaces.get(name)!));
  expect(values.length).toBeGreaterThan(1);
  const schema = computeSchema();
  const problems = values.flatMap((value) => schema.problems(message, value)).filter((problem) => !isOpen(problem));
  expect(problems).toEqual([]);
});

test("this test finds a field, a value and a type that are not Google's", () => {
  const schema = computeSchema();
  const wrong = [{ ipAddress: "text" }, { loadBalancingScheme: "OUTSIDE" }, { allPorts: "text" }, { labels: ["text"] }];
  expect(wrong.map((value) => schema.problems("ForwardingRule", value).filter((one) => !isOpen(one)).length)).toEqual([
    1, 1, 1, 1,
  ]);
});

const [REGION, ZONE] = ["regions/us-central1", "zones/us-central1-a"] as const;
/** Every call that the client can make, with the body of which the schema knows the form. */
const CALLS: Readonly<Record<string, (compute: Compute) => Promise<unknown>>> = {
  "addresses.get": (compute) => compute.get(REGION, "addresses", "a"),
  "addresses.list": (compute) => compute.list(REGION, "addresses", "status = RESERVED"),
  "addresses.aggregatedList": (compute) => compute.listEverywhere("addresses"),
  "forwardingRules.get": (compute) => compute.get(REGION, "forwardingRules", "f"),
  "forwardingRules.list": (compute) => compute.list(REGION, "forwardingRules"),
  "forwardingRules.insert": (compute) => compute.insert(REGION, "forwardingRules", { name: "f" }),
  "forwardingRules.delete": (compute) => compute.delete(REGION, "forwardingRules", "f"),
  "forwardingRules.setTarget": (compute) => compute.setTarget("us-central1", "f", "t"),
  "regionBackendServices.get": (compute) => compute.get(REGION, "backendServices", "s"),
  "regionBackendServices.list": (compute) => compute.list(REGION, "backendServices"),
  "regionBackendServices.insert": (compute) => compute.insert(REGION, "backendServices", { name: "s" }),
  "regionBackendServices.patch": (compute) => compute.patch(REGION, "backendServices", "s", { fingerprint: "f" }),
  "regionBackendServices.delete": (compute) => compute.delete(REGION, "backendServices", "s"),
  "networkEndpointGroups.get": (compute) => compute.get(ZONE, "networkEndpointGroups", "g"),
  "networkEndpointGroups.list": (compute) => compute.list(ZONE, "networkEndpointGroups"),
  "networkEndpointGroups.aggregatedList": (compute) =>
    compute.listEverywhere("networkEndpointGroups", undefined, { onUnreachable: () => undefined }),
  "networkEndpointGroups.insert": (compute) => compute.insert(ZONE, "networkEndpointGroups", { name: "g" }),
  "networkEndpointGroups.delete": (compute) => compute.delete(ZONE, "networkEndpointGroups", "g"),
  "networkEndpointGroups.attachNetworkEndpoints": (compute) =>
    compute.attachEndpoints("us-central1-a", "g", [{ instance: "i", ipAddress: "10.0.0.2" }]),
  "networkEndpointGroups.detachNetworkEndpoints": (compute) =>
    compute.detachEndpoints("us-central1-a", "g", [{ instance: "i" }]),
  "networkEndpointGroups.listNetworkEndpoints": (compute) => compute.listEndpoints("us-central1-a", "g"),
  "targetInstances.get": (compute) => compute.get(ZONE, "targetInstances", "t"),
  "targetInstances.aggregatedList": (compute) => compute.listEverywhere("targetInstances"),
  "targetInstances.insert": (compute) => compute.insert(ZONE, "targetInstances", { name: "t" }),
  "targetInstances.delete": (compute) => compute.delete(ZONE, "targetInstances", "t"),
  "instances.get": (compute) => compute.get(ZONE, "instances", "i"),
  "instances.aggregatedList": (compute) => compute.listEverywhere("instances"),
  "firewalls.get": (compute) => compute.get("global", "firewalls", "f"),
  "firewalls.list": (compute) => compute.list("global", "firewalls"),
  "firewalls.insert": (compute) => compute.insert("global", "firewalls", { name: "f" }),
  "firewalls.patch": (compute) => compute.patch("global", "firewalls", "f", { disabled: true }),
  "firewalls.delete": (compute) => compute.delete("global", "firewalls", "f"),
  "regions.get": (compute) => compute.region("us-central1"),
};

/** Of the calls of a scripted client, as the API would see them: method, and what is wrong. */
async function seenBy(call: (compute: Compute) => Promise<unknown>, answers: Parameters<typeof scripted>[0]) {
  const { compute, clock, seen } = scripted(answers);
  await passing(clock, call(compute));
  const schema = computeSchema();
  const routes = new Routes(schema);
  return seen.map(({ call: line, query, body }) => {
    const [verb = "", rest = ""] = line.split(" ");
    const method = routes.find(verb, `/compute/v1/projects/demo/${rest}`)?.method;
    if (method === undefined) return { id: "none", problems: [`the API has no ${line}`] };
    const unknown = Object.keys(query).filter((name) => !method.query.has(name));
    const bodied = method.body !== undefined;
    const problems = [
      ...unknown.map((name) => `unknown parameter ${name}`),
      ...(bodied === (body !== undefined) ? [] : [bodied ? "there is no body" : "there is a body"]),
      ...(bodied ? schema.problems(method.body!, body) : []),
    ];
    return { id: method.id, problems };
  });
}

test.each(Object.entries(CALLS))("%s is a call of the API, with its parameters and its body", async (id, call) => {
  const [first] = await seenBy(call, [DONE]);
  expect(first).toEqual({ id, problems: [] });
});

test.each([
  ["regionOperations", (compute: Compute) => compute.delete(REGION, "forwardingRules", "f")],
  ["zoneOperations", (compute: Compute) => compute.delete(ZONE, "targetInstances", "t")],
  ["globalOperations", (compute: Compute) => compute.delete("global", "firewalls", "f")],
])("%s are waited for, and looked at where that is not allowed", async (service, call) => {
  const running = ok({ name: "operation-1", status: "RUNNING" });
  const seen = await seenBy(call, [running, { status: 403 }, DONE]);
  expect(seen.slice(1)).toEqual([
    { id: `${service}.wait`, problems: [] },
    { id: `${service}.get`, problems: [] },
  ]);
});
