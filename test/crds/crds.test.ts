import { addressBinding, gkeApi, gkeIpRoute, gkeNetworkParamSet, network } from "../../lib/crds";
import type { CustomResourceDefinition, Schema } from "../../lib/crds/schema";

const all = [addressBinding, ...gkeApi];

const schemaOf = (definition: CustomResourceDefinition): Schema => definition.spec.versions[0]!.schema.openAPIV3Schema;

/** Every schema within a schema, with its path. */
function* within(schema: Schema, path = ""): Generator<readonly [string, Schema]> {
  yield [path, schema];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) yield* within(inner, `${path}.${name}`);
  if (schema.items !== undefined) yield* within(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* within(schema.additionalProperties, `${path}{}`);
}

/** What a schema lets through, one line per field, without its descriptions. */
function shape(definition: CustomResourceDefinition, below: string): string[] {
  return [...within(schemaOf(definition))]
    .filter(([path]) => path.startsWith(below) && !path.includes("conditions["))
    .map(([path, { description: _, properties: __, items: ___, additionalProperties: ____, ...rules }]) => {
      const { type, ...others } = rules;
      const detail = Object.keys(others).length === 0 ? "" : ` ${JSON.stringify(others)}`;
      return `${path}: ${type}${detail}`;
    });
}

test.each(all.map((definition) => [definition.metadata.name, definition] as const))(
  "%s explains every field that is ours to explain",
  (_, definition) => {
    const silent = [...within(schemaOf(definition))]
      .filter(
        ([path, { description }]) =>
          description === undefined && !/^$|\.metadata$|^\.(spec|status)$|\[\]$|\{\}$/.test(path),
      )
      .map(([path]) => path);
    expect(silent).toEqual([]);
  },
);

test("a GKEIPRoute has the fields, types, limits and defaults of GKE's", () => {
  expect(gkeIpRoute.spec.scope).toBe("Namespaced");
  expect(shape(gkeIpRoute, ".spec")).toMatchInlineSnapshot(`
   [
     ".spec: object {"required":["addresses","podSelector"]}",
     ".spec.parentRefs: array {"maxItems":32}",
     ".spec.parentRefs[]: object {"required":["name"]}",
     ".spec.parentRefs[].group: string {"default":"gateway.networking.k8s.io","maxLength":253,"pattern":"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"}",
     ".spec.parentRefs[].kind: string {"default":"Gateway","minLength":1,"maxLength":63,"pattern":"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"}",
     ".spec.parentRefs[].name: string {"minLength":1,"maxLength":253}",
     ".spec.parentRefs[].namespace: string {"minLength":1,"maxLength":63,"pattern":"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}",
     ".spec.parentRefs[].sectionName: string {"minLength":1,"maxLength":253,"pattern":"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"}",
     ".spec.parentRefs[].port: integer {"format":"int32","minimum":1,"maximum":65535}",
     ".spec.addresses: array {"minItems":1}",
     ".spec.addresses[]: object {"required":["value"]}",
     ".spec.addresses[].type: string {"default":"IPAddress","minLength":1,"maxLength":253,"pattern":"^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\\\/[A-Za-z0-9\\\\/\\\\-._~%!$&'()*+,;=:]+$"}",
     ".spec.addresses[].value: string {"minLength":1,"maxLength":253}",
     ".spec.network: string {"default":"default"}",
     ".spec.podSelector: object {"x-kubernetes-map-type":"atomic"}",
     ".spec.podSelector.matchLabels: object",
     ".spec.podSelector.matchLabels{}: string",
     ".spec.podSelector.matchExpressions: array {"x-kubernetes-list-type":"atomic"}",
     ".spec.podSelector.matchExpressions[]: object {"required":["key","operator"]}",
     ".spec.podSelector.matchExpressions[].key: string",
     ".spec.podSelector.matchExpressions[].operator: string",
     ".spec.podSelector.matchExpressions[].values: array {"x-kubernetes-list-type":"atomic"}",
     ".spec.podSelector.matchExpressions[].values[]: string",
     ".spec.reactionMode: string {"default":"ReadyCondition","enum":["ReadyCondition","Exists"]}",
     ".spec.loadBalancing: object {"required":["healthCheckName"]}",
     ".spec.loadBalancing.healthCheckName: string",
     ".spec.haPolicy: boolean {"x-kubernetes-validations":[{"rule":"self == oldSelf","message":"haPolicy is fixed after creation"}]}",
     ".spec.nodeSelector: object {"x-kubernetes-map-type":"atomic"}",
     ".spec.nodeSelector.matchLabels: object",
     ".spec.nodeSelector.matchLabels{}: string",
     ".spec.nodeSelector.matchExpressions: array {"x-kubernetes-list-type":"atomic"}",
     ".spec.nodeSelector.matchExpressions[]: object {"required":["key","operator"]}",
     ".spec.nodeSelector.matchExpressions[].key: string",
     ".spec.nodeSelector.matchExpressions[].operator: string",
     ".spec.nodeSelector.matchExpressions[].values: array {"x-kubernetes-list-type":"atomic"}",
     ".spec.nodeSelector.matchExpressions[].values[]: string",
     ".spec.allowGlobalAccess: boolean",
   ]
  `);
  expect(shape(gkeIpRoute, ".status")).toMatchInlineSnapshot(`
   [
     ".status: object",
     ".status.pods: array",
     ".status.pods[]: string",
     ".status.conditions: array {"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["type"]}",
   ]
  `);
});

test("a Network has the fields, types, limits and defaults of GKE's", () => {
  expect(network.spec.scope).toBe("Cluster");
  expect(shape(network, ".spec")).toMatchInlineSnapshot(`
   [
     ".spec: object {"required":["type"]}",
     ".spec.type: string {"enum":["L2","L3","Device"]}",
     ".spec.provider: string {"enum":["GKE"]}",
     ".spec.parametersRef: object {"required":["group","kind","name"]}",
     ".spec.parametersRef.group: string",
     ".spec.parametersRef.kind: string",
     ".spec.parametersRef.name: string",
     ".spec.parametersRef.namespace: string",
     ".spec.routes: array",
     ".spec.routes[]: object {"required":["to"]}",
     ".spec.routes[].to: string",
     ".spec.gateway4: string",
     ".spec.dnsConfig: object {"required":["nameservers"]}",
     ".spec.dnsConfig.nameservers: array {"minItems":1}",
     ".spec.dnsConfig.nameservers[]: string",
     ".spec.dnsConfig.searches: array",
     ".spec.dnsConfig.searches[]: string",
     ".spec.externalDHCP4: boolean",
     ".spec.IPAMMode: string {"enum":["Internal","External"]}",
     ".spec.IPAMMode6: string {"enum":["Internal","External"]}",
     ".spec.nodeInterfaceMatcher: object",
     ".spec.nodeInterfaceMatcher.interfaceName: string {"minLength":1}",
     ".spec.l2NetworkConfig: object",
     ".spec.l2NetworkConfig.vlanID: integer {"format":"int32","minimum":1,"maximum":4094}",
     ".spec.l2NetworkConfig.prefixLength4: integer {"format":"int32","minimum":1,"maximum":32}",
     ".spec.networkLifecycle: string {"enum":["AnthosManaged","UserManaged"]}",
   ]
  `);
});

test("a GKENetworkParamSet has the fields, types, limits and defaults of GKE's", () => {
  expect(gkeNetworkParamSet.spec.scope).toBe("Cluster");
  expect(shape(gkeNetworkParamSet, ".spec")).toMatchInlineSnapshot(`
   [
     ".spec: object",
     ".spec.vpc: string",
     ".spec.vpcSubnet: string",
     ".spec.podIPv4Ranges: object {"required":["rangeNames"]}",
     ".spec.podIPv4Ranges.rangeNames: array {"minItems":1}",
     ".spec.podIPv4Ranges.rangeNames[]: string",
     ".spec.deviceMode: string {"enum":["DPDK-VFIO","NetDevice","RDMA"]}",
     ".spec.networkAttachment: string",
   ]
  `);
});

test("an agent can select the bindings that its node delivers, must let go of, or may have to take over", () => {
  expect(addressBinding.spec.versions[0]?.selectableFields).toEqual([
    { jsonPath: ".spec.nodeName" },
    { jsonPath: ".spec.releasing.nodeName" },
    { jsonPath: ".spec.standby.nodeName" },
  ]);
});
