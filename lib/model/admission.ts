// What RBAC cannot say: an agent may write its own node's acknowledgement, and nothing for another node. Whoever takes
// over one node can then claim nothing about an address that another node delivers.
import { RESOURCES } from "./kubernetes";
import type { Manifest } from "./manifest";
import { AGENT } from "./runtime";

const API_VERSION = "admissionregistration.k8s.io/v1";
const POLICY = "podpin-agent-acknowledgements";

/** The API server puts it into every request that is made with a Pod's own token (Kubernetes 1.30 and later). */
const NODE_CLAIM = "authentication.kubernetes.io/node-name";

/** The policy, and the binding that puts it into force. */
export function admissionObjects(namespace: string): readonly Manifest[] {
  const { group, version, plural } = RESOURCES.addressBindings;
  const policy = {
    apiVersion: API_VERSION,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: POLICY },
    spec: {
      // An error in a rule refuses the write; only agents are concerned, and they try again.
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [group],
            apiVersions: [version],
            operations: ["UPDATE"],
            resources: [`${plural}/status`],
          },
        ],
      },
      matchConditions: [
        {
          name: "agents-only",
          expression: `request.userInfo.username == 'system:serviceaccount:${namespace}:${AGENT}'`,
        },
      ],
      variables: [
        {
          name: "node",
          expression: `has(request.userInfo.extra) ? request.userInfo.extra[?'${NODE_CLAIM}'][0].orValue('') : ''`,
        },
        { name: "others", expression: othersIn("object") },
        { name: "othersBefore", expression: othersIn("oldObject") },
      ],
      validations: [
        {
          expression: "variables.node != ''",
          message: "podpin: the token names no node; an agent writes with the token of its Pod, which names it",
        },
        {
          // The list has no order that counts: its entries are told apart by nodeName.
          expression:
            "size(variables.others) == size(variables.othersBefore) && " +
            "variables.others.all(ack, ack in variables.othersBefore)",
          messageExpression:
            "'podpin: the agent of node ' + variables.node + ' may change only its own entry of status.acks'",
        },
      ],
    },
  };
  const binding = {
    apiVersion: API_VERSION,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: POLICY },
    spec: { policyName: POLICY, validationActions: ["Deny"] },
  };
  return [policy, binding];
}

function othersIn(object: string): string {
  return `${object}.?status.?acks.orValue([]).filter(ack, ack.nodeName != variables.node)`;
}
