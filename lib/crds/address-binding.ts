// AddressBinding: podpin's own. The rules below are the fence: whatever a writer believes, the API server lets no epoch
// fall and no owner change under the same epoch.
import { IPV4_PATTERN } from "../model/address";
import { AckState, Delivery, Fabric, HIGHEST_CREDIBLE_EPOCH } from "../model/binding";
import { RESOURCES } from "../model/kubernetes";
import { definition } from "./definition";
import { integer, flag, list, oneOf, record, type Schema, text } from "./schema";

// Lengths are bounded everywhere, since the API server estimates the cost of a rule by them.
const name = (description: string): Schema => text({ description, minLength: 1, maxLength: 253 });
const optionalName = (description: string): Schema => text({ description, maxLength: 253 });
const uid = (description: string): Schema => text({ description, minLength: 1, maxLength: 128 });
const address = (description: string): Schema => text({ description, maxLength: 15, pattern: IPV4_PATTERN });
const epoch = (description: string): Schema =>
  integer({ description, format: "int64", minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

const pod = {
  podName: name("Name of the Pod, in the route's namespace."),
  podUid: uid("UID of the Pod; the name of a StatefulSet's Pod comes back, the UID does not."),
  podIp: address("The Pod's own address on the network."),
};

const owner = record(pod, {
  description: "The Pod that has the address; absent while none does.",
  required: ["podName", "podUid", "podIp"],
});

const releasing = record(
  {
    nodeName: name("The node."),
    epoch: epoch("The highest epoch that it was authorised for."),
    forwardTo: text({
      description: "Address of the node that it forwards to; empty when there is no new owner.",
      maxLength: 15,
      pattern: `^$|${IPV4_PATTERN}`,
    }),
    wait: flag({ description: "Whether the new node announces only after this one has let go." }),
  },
  {
    description: "The node that had the address before and has not yet let go of it.",
    required: ["nodeName", "epoch", "forwardTo", "wait"],
  },
);

const spec = record(
  {
    address: address("The address, also the name of the object."),
    epoch: epoch("Grows with every change of owner or node."),
    route: record(
      { namespace: name("Its namespace."), name: name("Its name."), uid: uid("Its UID.") },
      { description: "The GKEIPRoute that holds the address.", required: ["namespace", "name", "uid"] },
    ),
    nodeName: optionalName("Node of the owner; empty while there is none."),
    owner,
    releasing,
    standby: record(
      { nodeName: name("The Pod's node, another one than the owner's."), ...pod },
      {
        description:
          "The Pod that would get the address if the owner's node were lost. Its node gets ready for it, no more.",
        required: ["nodeName", "podName", "podUid", "podIp"],
      },
    ),
    delivery: oneOf(Delivery, { description: "How packets reach the Pod." }),
    fabric: oneOf(Fabric, { description: "What brings packets to the node." }),
    network: name("The Network whose Pod interface receives the packets."),
    led: record(
      { nodeName: name("The node."), epoch: epoch("The epoch that they were led there for.") },
      { description: "Where the cloud takes the packets, as last read back.", required: ["nodeName", "epoch"] },
    ),
  },
  {
    required: ["address", "epoch", "route", "nodeName", "delivery", "fabric", "network"],
    "x-kubernetes-validations": [
      { rule: "self.address == oldSelf.address", message: "address is fixed after creation" },
      { rule: "self.epoch >= oldSelf.epoch", message: "epoch never decreases" },
      {
        // An acknowledgement that says the highest may be gone above by one.
        rule: `self.epoch <= ${HIGHEST_CREDIBLE_EPOCH + 1} || self.epoch <= oldSelf.epoch + 1`,
        message: `epoch above ${HIGHEST_CREDIBLE_EPOCH + 1} grows by 1 at a time, so that there is always a higher one`,
      },
      {
        rule:
          "self.epoch > oldSelf.epoch || (self.nodeName == oldSelf.nodeName && has(self.owner) == has(oldSelf.owner)" +
          " && (!has(self.owner) || self.owner == oldSelf.owner))",
        message: "epoch must grow when owner or nodeName changes",
      },
      {
        rule: "has(self.owner) == (size(self.nodeName) > 0)",
        message: "nodeName is set exactly while there is an owner",
      },
      {
        rule: "!has(self.standby) || (has(self.owner) && self.standby.nodeName != self.nodeName)",
        message: "standby is on another node than the owner",
      },
    ],
  },
);

const ack = record(
  {
    nodeName: name("The node."),
    epoch: epoch("The epoch that it speaks of."),
    podUid: text({ description: "UID of the Pod that it was done for; empty once released.", maxLength: 128 }),
    state: oneOf(AckState, { description: "What is done." }),
    reason: text({ description: "Why it failed, as one word for programs.", maxLength: 1024 }),
    message: text({ description: "Why it failed, for people.", maxLength: 32768 }),
  },
  { required: ["nodeName", "epoch", "podUid", "state"] },
);

/** podpin's own `AddressBinding`: which Pod has an address, in which epoch. */
export const addressBinding = definition(
  RESOURCES.addressBindings,
  record(
    {
      spec,
      status: record({
        acks: list(ack, {
          description: "What each node's agent has done; every agent writes its own entry only.",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["nodeName"],
        }),
      }),
    },
    {
      description: "Which Pod, on which node, has a persistent address. Written by podpin; not meant to be edited.",
      required: ["spec"],
      "x-kubernetes-validations": [
        { rule: "self.metadata.name == self.spec.address", message: "metadata.name must be the address" },
      ],
    },
  ),
  {
    additionalPrinterColumns: [
      { name: "Address", type: "string", jsonPath: ".spec.address" },
      { name: "Pod", type: "string", jsonPath: ".spec.owner.podName" },
      { name: "Node", type: "string", jsonPath: ".spec.nodeName" },
      { name: "Standby", type: "string", jsonPath: ".spec.standby.nodeName", priority: 1 },
      { name: "Epoch", type: "integer", jsonPath: ".spec.epoch" },
      { name: "Route", type: "string", jsonPath: ".spec.route.name" },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ],
    // Each agent watches what its node delivers, what its node must let go of, and what it may have to take over.
    selectableFields: [
      { jsonPath: ".spec.nodeName" },
      { jsonPath: ".spec.releasing.nodeName" },
      { jsonPath: ".spec.standby.nodeName" },
    ],
  },
);
