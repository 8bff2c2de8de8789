import type { ControllerPlan, Toleration } from "./controller";
import { fieldEnv, labelsOf, type Manifest, PriorityClass, probes, selectorOf } from "./manifest";
import {
  AGENT,
  AGENT_HEALTH_PORT,
  CNI_RESULTS_FOLDER,
  Command,
  Flag,
  HEARTBEAT_KEYS,
  HEARTBEAT_KEYS_PATH,
  HEARTBEAT_PORT,
  POD_NAMESPACES_FOLDER,
} from "./runtime";

/** Keys of the heartbeats, as files. */
const KEYS = "heartbeat-keys";
const OWNER_READS = 0o400;

/** Whatever keeps other Pods away from a node, the addresses of the Pods on it must still be served. */
const EVERY_TAINT: Toleration = { operator: "Exists" };

/** The heap ends below the memory limit, so that a full one ends with a message and not with a kill. */
export const AGENT_NODE_OPTIONS = "--max-old-space-size=160";

/** By them the agent tells a Pod from the next one with the same address. */
const CNI_RESULTS = "cni-results";

/** By them the agent enters Pods, for delivery `interface`. */
const POD_NAMESPACES = "pod-namespaces";

/**
 * The DaemonSet of the agent, which programs the kernel of its node: on the host network, with two capabilities; with a
 * third where it may enter Pods.
 */
export function agentDaemonSet(plan: ControllerPlan, image: unknown): Manifest {
  const { namespace, uplink, interfaceDelivery, nodeSelector, tolerations = [EVERY_TAINT] } = plan;
  const component = "agent";
  const daemonSet = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: AGENT, namespace, labels: labelsOf(component) },
    spec: {
      selector: { matchLabels: selectorOf(component) },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels: labelsOf(component) },
        spec: {
          serviceAccountName: AGENT,
          automountServiceAccountToken: true,
          priorityClassName: PriorityClass.Node,
          terminationGracePeriodSeconds: 5,
          hostNetwork: true,
          // The agent talks to the API server alone, so it does not depend on the cluster's DNS.
          dnsPolicy: "Default",
          nodeSelector: { "kubernetes.io/os": "linux", ...nodeSelector },
          tolerations,
          securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: component,
              image,
              imagePullPolicy: "IfNotPresent",
              args: [
                Command.Agent,
                ...(uplink === undefined ? [] : [`${Flag.Uplink}=${uplink}`]),
                ...(interfaceDelivery ? [Flag.InterfaceDelivery] : []),
              ],
              env: [
                fieldEnv("NODE_NAME", "spec.nodeName"),
                fieldEnv("NODE_IP", "status.hostIPs"),
                fieldEnv("POD_NAMESPACE", "metadata.namespace"),
                { name: "NODE_OPTIONS", value: AGENT_NODE_OPTIONS },
              ],
              // The node's own, as the Pod is on its network: said so that no other Pod gets it.
              ports: [{ name: "heartbeat", containerPort: HEARTBEAT_PORT, hostPort: HEARTBEAT_PORT, protocol: "UDP" }],
              // Loopback: nothing but this node's kubelet needs the answer.
              ...probes(AGENT_HEALTH_PORT, "127.0.0.1"),
              resources: { requests: { cpu: "20m", memory: "96Mi" }, limits: { memory: "256Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: {
                  drop: ["ALL"],
                  add: ["NET_ADMIN", "NET_RAW", ...(interfaceDelivery ? ["SYS_ADMIN"] : [])],
                },
                readOnlyRootFilesystem: true,
              },
              volumeMounts: [
                { name: CNI_RESULTS, mountPath: CNI_RESULTS_FOLDER, readOnly: true },
                { name: KEYS, mountPath: HEARTBEAT_KEYS_PATH, readOnly: true },
                // A namespace is a mount of its own, and each Pod brings a new one.
                ...(interfaceDelivery
                  ? [
                      {
                        name: POD_NAMESPACES,
                        mountPath: POD_NAMESPACES_FOLDER,
                        readOnly: true,
                        mountPropagation: "HostToContainer",
                      },
                    ]
                  : []),
              ],
            },
          ],
          // Made where they are not there yet: a node without any Pod of its own network has none.
          volumes: [
            { name: CNI_RESULTS, hostPath: { path: CNI_RESULTS_FOLDER, type: "DirectoryOrCreate" } },
            // The controller makes the Secret; until then the agent answers no heartbeat, and does everything else.
            { name: KEYS, secret: { secretName: HEARTBEAT_KEYS, optional: true, defaultMode: OWNER_READS } },
            ...(interfaceDelivery
              ? [{ name: POD_NAMESPACES, hostPath: { path: POD_NAMESPACES_FOLDER, type: "DirectoryOrCreate" } }]
              : []),
          ],
        },
      },
    },
  };
  return daemonSet;
}
