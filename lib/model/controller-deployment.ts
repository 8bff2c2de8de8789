import type { ControllerPlan } from "./controller";
import { fieldEnv, labelsOf, type Manifest, PriorityClass, probes, selectorOf } from "./manifest";
import { Command, CONTROLLER, CONTROLLER_HEALTH_PORT, Flag } from "./runtime";

/** The `nonroot` user of distroless images; nobody in particular elsewhere. */
const NONROOT_USER = 65532;

/** The Deployment of the controller: one replica; during an update the new one is ready before the old one goes. */
export function controllerDeployment(plan: ControllerPlan, image: unknown): Manifest {
  const { namespace, installGkeApi, clusterCidrs } = plan;
  const component = "controller";
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: CONTROLLER, namespace, labels: labelsOf(component) },
    spec: {
      replicas: 1,
      selector: { matchLabels: selectorOf(component) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: labelsOf(component) },
        spec: {
          serviceAccountName: CONTROLLER,
          priorityClassName: PriorityClass.Cluster,
          terminationGracePeriodSeconds: 5,
          nodeSelector: { "kubernetes.io/os": "linux" },
          securityContext: {
            runAsNonRoot: true,
            runAsUser: NONROOT_USER,
            runAsGroup: NONROOT_USER,
            seccompProfile: { type: "RuntimeDefault" },
          },
          containers: [
            {
              name: component,
              image,
              imagePullPolicy: "IfNotPresent",
              args: [
                Command.Controller,
                ...(installGkeApi ? [Flag.InstallGkeApi] : []),
                ...clusterCidrs.map((cidr) => `${Flag.ClusterCidr}=${cidr}`),
              ],
              env: [
                fieldEnv("POD_NAME", "metadata.name"),
                fieldEnv("POD_NAMESPACE", "metadata.namespace"),
                // Below the memory limit, so that a full heap ends with a message and not with a kill.
                { name: "NODE_OPTIONS", value: "--max-old-space-size=384" },
              ],
              ports: [{ name: "health", containerPort: CONTROLLER_HEALTH_PORT, protocol: "TCP" }],
              ...probes(CONTROLLER_HEALTH_PORT),
              resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ["ALL"] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
        },
      },
    },
  };
  return deployment;
}
