// Of Config Connector no more than this: the kind, with the fields of its reference (v1beta1, read 2026-11), so that the API
// server refuses a field that does not exist. Nobody reserves anything.

const text = { type: "string" };

export const computeAddress = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "computeaddresses.compute.cnrm.cloud.google.com" },
  spec: {
    group: "compute.cnrm.cloud.google.com",
    scope: "Namespaced",
    names: {
      kind: "ComputeAddress",
      listKind: "ComputeAddressList",
      plural: "computeaddresses",
      singular: "computeaddress",
    },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["location"],
                properties: {
                  address: text,
                  addressType: text,
                  description: text,
                  ipCollectionRef: reference(),
                  ipVersion: text,
                  location: text,
                  networkRef: reference(),
                  networkTier: text,
                  prefixLength: { type: "integer" },
                  purpose: text,
                  resourceID: text,
                  subnetworkRef: reference(),
                },
              },
            },
          },
        },
      },
    ],
  },
};

function reference(): object {
  return { type: "object", properties: { external: text, name: text, namespace: text } };
}
