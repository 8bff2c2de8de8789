// What the manifests of the controller and the agent have in common.
import { HealthPath } from "./runtime";

/** An object of Kubernetes as plain data. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Built into every cluster: the node evicts, and the scheduler preempts, everything else first. */
export const PriorityClass = { Cluster: "system-cluster-critical", Node: "system-node-critical" } as const;

/** Labels of every declared object. */
export function labelsOf(component: string | undefined): Record<string, string> {
  return {
    "app.kubernetes.io/name": "podpin",
    ...(component === undefined ? {} : { "app.kubernetes.io/component": component }),
    "app.kubernetes.io/part-of": "podpin",
    "app.kubernetes.io/managed-by": "podpin",
  };
}

/** Labels by which a workload finds its Pods. Fixed after creation. */
export function selectorOf(component: string): Record<string, string> {
  return { "app.kubernetes.io/name": "podpin", "app.kubernetes.io/component": component };
}

/** An environment variable with a field of the Pod itself. */
export function fieldEnv(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** Probes of both programs: a dead one is restarted after 30 s; one that is not ready takes no part until it is. */
export function probes(
  port: number,
  host?: string,
): { readonly livenessProbe: object; readonly readinessProbe: object } {
  const get = (path: string) => ({ httpGet: { path, port, ...(host === undefined ? {} : { host }) } });
  return {
    livenessProbe: {
      ...get(HealthPath.Live),
      initialDelaySeconds: 10,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    readinessProbe: { ...get(HealthPath.Ready), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 },
  };
}
