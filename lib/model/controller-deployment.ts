import type { ControllerPlan } from "./controller";
import { googleCloudFlags, type GoogleCloudProjects } from "./google-cloud";
import { fieldEnv, labelsOf, type Manifest, PriorityClass, probes, selectorOf } from "./manifest";
import { Command, CONTROLLER, CONTROLLER_HEALTH_PORT, Flag } from "./runtime";

/** The heap's limit is below the container's, so that a full one ends with a message and not with a kill. */
export const CONTROLLER_NODE_OPTIONS = "--max-old-space-size=384";

/** The `nonroot` user of distroless images; nobody in particular elsewhere. */
const NONROOT_USER = 65532;

/**
 * Arguments of the controller program.
 *
 * @param project id of the project in Google Cloud, for a plan that has one
 */
export function controllerArguments(plan: ControllerPlan, projects: GoogleCloudProjects): readonly string[] {
  return [
    Command.Controller,
    ...(plan.installGkeApi ? [Flag.InstallGkeApi] : []),
    ...plan.clusterCidrs.map((cidr) => `${Flag.ClusterCidr}=${cidr}`),
    ...(plan.googleCloud ? googleCloudFlags(plan, projects) : []),
  ];
}

/** One works, the other stands by, so that the loss of a node does not also take whoever notices it. */
const REPLICAS = 2;

/** How long a Pod stays bound to a node that Kubernetes has given up; by itself it would be five minutes. */
const GIVEN_UP_SECONDS = 5;

/**
 * The Deployment of the controller: two replicas, on different nodes where that is possible; during an update a new one is
 * ready before an old one goes.
 */
export function controllerDeployment({ namespace }: ControllerPlan, image: unknown, args: unknown): Manifest {
  const component = "controller";
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: CONTROLLER, namespace, labels: labelsOf(component) },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: selectorOf(component) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: labelsOf(component) },
        spec: {
          serviceAccountName: CONTROLLER,
          automountServiceAccountToken: true,
          priorityClassName: PriorityClass.Cluster,
          terminationGracePeriodSeconds: 5,
          nodeSelector: { "kubernetes.io/os": "linux" },
          tolerations: ["not-ready", "unreachable"].map((state) => ({
            key: `node.kubernetes.io/${state}`,
            operator: "Exists",
            effect: "NoExecute",
            tolerationSeconds: GIVEN_UP_SECONDS,
          })),
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: selectorOf(component) },
            },
          ],
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
              args,
              env: [
                fieldEnv("POD_NAME", "metadata.name"),
                fieldEnv("POD_NAMESPACE", "metadata.namespace"),
                fieldEnv("NODE_NAME", "spec.nodeName"),
                { name: "NODE_OPTIONS", value: CONTROLLER_NODE_OPTIONS },
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

/** Lets a drain take one Pod at a time; the other goes on. */
export function controllerDisruptionBudget(namespace: string): Manifest {
  const budget = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: CONTROLLER, namespace, labels: labelsOf("controller") },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: selectorOf("controller") },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
  return budget;
}
