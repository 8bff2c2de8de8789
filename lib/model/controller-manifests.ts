// Every object that PersistentIpController declares, in the order in which the cluster must get them. GKE's own
// CustomResourceDefinitions are not among them: the controller creates those, and only where they are absent.
import { addressBinding } from "../crds/address-binding";
import { admissionObjects } from "./admission";
import { agentDaemonSet } from "./agent-daemonset";
import { servedClasses } from "./classes";
import type { ControllerPlan } from "./controller";
import { controllerArguments, controllerDeployment, controllerDisruptionBudget } from "./controller-deployment";
import { controllerNetworkPolicy } from "./controller-network-policy";
import { ANNOTATION_FABRIC, PODPIN_CONTROLLER_NAME } from "./gke-api";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import { labelsOf, type Manifest, PriorityClass } from "./manifest";
import { rbacObjects } from "./rbac";
import { AGENT, CONTROLLER } from "./runtime";

/** A declared object with the suffix of its resource name or construct id. Both are contract. */
export interface DeclaredObject {
  readonly key: string;
  /** Created after every object of a lower stage, and deleted before them. */
  readonly stage: number;
  readonly object: Manifest;
}

/** Classes come before the workload: where the Gateway API is missing, they fail at once and nothing waits for Pods. */
const Stage = { Namespace: 0, Foundation: 1, Class: 1, Workload: 2 } as const;

/**
 * The objects of a controller.
 *
 * A framework may use its own type for what comes later.
 *
 * @param image the reference of the image
 * @param args the arguments of the controller program
 */
export function controllerObjects(
  plan: ControllerPlan,
  image: unknown,
  args: unknown = controllerArguments(plan, { project: "" }),
): readonly DeclaredObject[] {
  const { namespace } = plan;
  const declared = (key: string, stage: number, object: Manifest): DeclaredObject => ({ key, stage, object });
  return [
    ...(plan.createNamespace ? [declared("namespace", Stage.Namespace, namespaceObject(namespace))] : []),
    declared("crd-addressbindings", Stage.Foundation, withLabels(addressBinding, undefined)),
    declared("quota", Stage.Foundation, criticalPodsQuota(namespace)),
    ...rbacObjects(plan).flatMap(({ account, objects }) =>
      objects.map((object) => {
        const component = componentOf(account);
        return declared(`${component}-${object.kind.toLowerCase()}`, Stage.Foundation, withLabels(object, component));
      }),
    ),
    ...admissionObjects(namespace).map((object) =>
      declared(ADMISSION_KEYS[object.kind] ?? object.kind, Stage.Foundation, withLabels(object, "agent")),
    ),
    ...(plan.networkPolicy
      ? [declared("controller-networkpolicy", Stage.Foundation, controllerNetworkPolicy(plan))]
      : []),
    declared("controller-disruptionbudget", Stage.Foundation, controllerDisruptionBudget(namespace)),
    ...servedClasses(plan.gkeClassFabric).map(({ name, fabric, description }) =>
      declared(`class-${name}`, Stage.Class, {
        apiVersion: apiVersionOf(RESOURCES.gatewayClasses),
        kind: RESOURCES.gatewayClasses.kind,
        metadata: { name, labels: labelsOf(undefined), annotations: { [ANNOTATION_FABRIC]: fabric } },
        spec: { controllerName: PODPIN_CONTROLLER_NAME, description },
      } as Manifest),
    ),
    declared("controller", Stage.Workload, controllerDeployment(plan, image, args)),
    declared("agent", Stage.Workload, agentDaemonSet(plan, image)),
  ];
}

const ADMISSION_KEYS: Readonly<Record<string, string>> = {
  ValidatingAdmissionPolicy: "agent-admissionpolicy",
  ValidatingAdmissionPolicyBinding: "agent-admissionpolicybinding",
};

const COMPONENTS: Readonly<Record<string, string>> = { [CONTROLLER]: "controller", [AGENT]: "agent" };
const componentOf = (account: string): string => COMPONENTS[account] ?? account;

function withLabels<T extends Manifest>(object: T, component: string | undefined): Manifest {
  const { apiVersion, kind, metadata, ...rest } = object;
  return { apiVersion, kind, metadata: { ...metadata, labels: labelsOf(component) }, ...rest };
}

function namespaceObject(name: string): Manifest {
  return {
    apiVersion: apiVersionOf(RESOURCES.namespaces),
    kind: RESOURCES.namespaces.kind,
    metadata: {
      name,
      // The agent works on the host network with NET_ADMIN; other levels refuse its Pods.
      labels: { ...labelsOf(undefined), "pod-security.kubernetes.io/enforce": "privileged" },
    },
  };
}

/**
 * GKE admits Pods of the system priority classes outside kube-system only where a quota of the namespace covers them.
 * Elsewhere it changes nothing.
 */
function criticalPodsQuota(namespace: string): Manifest {
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "podpin-critical-pods", namespace, labels: labelsOf(undefined) },
    spec: {
      hard: { pods: "100k" },
      scopeSelector: {
        matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: Object.values(PriorityClass) }],
      },
    },
  };
  return quota;
}
