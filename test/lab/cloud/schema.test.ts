// What the stand-in holds requests and answers against: Google's own descriptors.
import { Routes } from "../../../lab/cloud/routes";
import { computeSchema, Schema } from "../../../lab/cloud/schema";
import { R, leader, linkTo, populated } from "./support";

const schema = computeSchema();

test.each([
  ["a field of another spelling", "ForwardingRule", { ipAddress: "192.0.2.1" }, ["ipAddress: unknown field"]],
  ["Google's own capitals", "ForwardingRule", { IPAddress: "192.0.2.1", IPProtocol: "L3_DEFAULT" }, []],
  ["a number where Google has text", "ForwardingRule", { id: 17 }, ["id: got 17, want uint64"]],
  ["a long number as text", "ForwardingRule", { id: "17" }, []],
  ["text where Google has a boolean", "ForwardingRule", { allPorts: "true" }, ['allPorts: got "true", want bool']],
  ["part of a number", "NetworkEndpointGroup", { size: 1.5 }, ["size: got 1.5, want int32"]],
  ["a list where Google has one", "BackendService", { haPolicy: [] }, ["haPolicy: got [], want an object"]],
  ["one where Google has a list", "BackendService", { backends: {} }, ["backends: got {}, want a list"]],
  [
    "something deep inside",
    "BackendService",
    { haPolicy: { leader: { networkEndpoint: { name: "a" } } }, backends: [{}, { group: 1 }] },
    ["haPolicy.leader.networkEndpoint.name: unknown field", "backends[1].group: got 1, want string"],
  ],
  [
    "a value of no enum",
    "BackendService",
    { haPolicy: { fastIPMove: "FAST" } },
    ['haPolicy.fastIPMove: got "FAST", want one of DISABLED, GARP_RA'],
  ],
  [
    "the enum's name for nothing",
    "Operation",
    { status: "UNDEFINED_STATUS" },
    ['status: got "UNDEFINED_STATUS", want one of DONE, PENDING, RUNNING'],
  ],
  ["a map", "Address", { labels: { team: "amf" } }, []],
  ["a map with something else in it", "Address", { labels: { team: 1 } }, ["labels.team: got 1, want string"]],
  ["null, which takes a field away in a PATCH", "BackendService", { haPolicy: { leader: null } }, []],
  ["what every object has inherited", "Address", { toString: "x" }, ["toString: unknown field"]],
  ["no object at all", "Address", "x", ['the body: got "x", want an object']],
])("finds %s", (_title, message, value, problems) => {
  expect(schema.problems(message, value)).toEqual(problems);
});

test("knows every route that podpin's design names, with Google's names for the calls", () => {
  const routes = new Routes(schema);
  const id = (verb: string, path: string): string | undefined =>
    routes.find(verb, `/compute/v1/projects/demo/${path}`)?.method.id;
  const zone = "zones/us-central1-a";
  expect([
    id("POST", `${R}/forwardingRules`),
    id("POST", `${R}/forwardingRules/x/setTarget`),
    id("POST", `${R}/forwardingRules/x/setLabels`),
    id("GET", "aggregated/forwardingRules"),
    id("PATCH", `${R}/backendServices/x`),
    id("GET", "aggregated/backendServices"),
    id("DELETE", `${R}/addresses/x`),
    id("POST", `${R}/operations/x/wait`),
    id("POST", `${zone}/networkEndpointGroups/x/attachNetworkEndpoints`),
    id("POST", `${zone}/networkEndpointGroups/x/listNetworkEndpoints`),
    id("GET", `${zone}/targetInstances`),
    id("GET", `${zone}/instances/x`),
    id("POST", `${zone}/operations/x/wait`),
    id("PATCH", "global/firewalls/x"),
    id("GET", "global/operations/x"),
    id("GET", R),
    id("GET", "zones"),
  ]).toEqual([
    "forwardingRules.insert",
    "forwardingRules.setTarget",
    "forwardingRules.setLabels",
    "forwardingRules.aggregatedList",
    "regionBackendServices.patch",
    "backendServices.aggregatedList",
    "addresses.delete",
    "regionOperations.wait",
    "networkEndpointGroups.attachNetworkEndpoints",
    "networkEndpointGroups.listNetworkEndpoints",
    "targetInstances.list",
    "instances.get",
    "zoneOperations.wait",
    "firewalls.patch",
    "globalOperations.get",
    "regions.get",
    "zones.list",
  ]);
  expect(id("PUT", `${R}/forwardingRules/x`)).toBeUndefined();
  expect(id("GET", `${R}/forwardingRules/x/y`)).toBeUndefined();
});

test("an answer that Google could not have given is a failure of the stand-in, not an answer", async () => {
  const { cloud, call } = populated();
  const key = `projects/demo/${R}/addresses/web`;
  const resource = cloud.state.get(key)!;
  cloud.state.apply([{ ...resource, body: { ...resource.body, owner: "nobody" } }], 0);
  await expect(call("GET", `${R}/addresses/web`)).rejects.toThrow(
    "the stand-in's answer to addresses.get is not valid: owner: unknown field",
  );
  await expect(call("GET", "aggregated/addresses")).rejects.toThrow(
    "the stand-in's answer to addresses.aggregatedList is not valid: items.regions/us-central1.addresses[0].owner: unknown field",
  );
});

test("says what is missing when the descriptors are not what they were", () => {
  expect(() => new Schema({}, ["Addresses"])).toThrow("the schema has no service Addresses");
  expect(() => schema.problems("Unheard", {})).toThrow("the schema has no message Unheard");
});

test("a leader is written as Google's schema has it", () => {
  const body = {
    haPolicy: { leader: leader("zones/us-central1-a", "alpha") },
    network: linkTo("global/networks/default"),
  };
  expect(schema.problems("BackendService", body)).toEqual([]);
});
