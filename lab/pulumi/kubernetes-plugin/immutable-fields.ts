// Fields whose change replaces the object. Nothing but the API server's own rules: a change here would be refused, or,
// for ConfigMaps and Secrets, would not restart the Pods that use them, which is why the real plugin replaces those too.
import type { GroupVersionKind } from "./object";

export interface Mutability {
  /** Provider options `enableConfigMapMutable` and `enableSecretMutable`. */
  readonly configMaps: boolean;
  readonly secrets: boolean;
}

const CONTAINER_FIELDS = [
  "args",
  "command",
  "env",
  "image",
  "imagePullPolicy",
  "lifecycle",
  "livenessProbe",
  "ports",
  "readinessProbe",
  "resources",
  "securityContext",
  "stdin",
  "stdinOnce",
  "terminationMessagePath",
  "terminationMessagePolicy",
  "tty",
  "volumeDevices",
  "volumeMounts",
  "workingDir",
];

const POD_FIELDS = [
  "affinity",
  "automountServiceAccountToken",
  "dnsConfig",
  "dnsPolicy",
  "enableServiceLinks",
  "hostAliases",
  "hostIPC",
  "hostNetwork",
  "hostPID",
  "hostname",
  "imagePullSecrets",
  "nodeName",
  "nodeSelector",
  "overhead",
  "preemptionPolicy",
  "priority",
  "priorityClassName",
  "readinessGates",
  "restartPolicy",
  "runtimeClassName",
  "schedulerName",
  "securityContext",
  "serviceAccount",
  "serviceAccountName",
  "shareProcessNamespace",
  "subdomain",
  "terminationGracePeriodSeconds",
  "volumes",
];

// `kind` or `kind.group`, as `kubectl` writes it.
const BY_KIND: ReadonlyMap<string, readonly string[]> = new Map([
  ["ConfigMap", ["binaryData", "data"]],
  ["PersistentVolumeClaim", ["spec"]],
  [
    "Pod",
    [
      ...POD_FIELDS.map((field) => `spec.${field}`),
      ...CONTAINER_FIELDS.flatMap((field) => [`spec.containers[*].${field}`, `spec.initContainers[*].${field}`]),
    ],
  ],
  ["ResourceQuota", ["spec.scopes"]],
  ["Secret", ["type", "stringData", "data"]],
  ["Service", ["spec.clusterIP"]],
  ["DaemonSet.apps", ["spec.selector"]],
  ["Deployment.apps", ["spec.selector"]],
  [
    "StatefulSet.apps",
    [
      "spec.podManagementPolicy",
      "spec.revisionHistoryLimit",
      "spec.selector",
      "spec.serviceName",
      "spec.volumeClaimTemplates",
    ],
  ],
  ["Job.batch", ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"]],
  ["ClusterRoleBinding.rbac.authorization.k8s.io", ["roleRef"]],
  ["RoleBinding.rbac.authorization.k8s.io", ["roleRef"]],
  ["StorageClass.storage.k8s.io", ["parameters", "provisioner"]],
]);

/** Path patterns such as `spec.selector` or `spec.containers[*].image`; a change at, above or below one replaces. */
export function immutableFields(
  gvk: GroupVersionKind,
  mutability: Mutability,
  declaredImmutable: boolean,
): readonly string[] {
  const key = gvk.group === "" ? gvk.kind : `${gvk.kind}.${gvk.group}`;
  let fields = BY_KIND.get(key) ?? [];
  const mutable = (key === "ConfigMap" && mutability.configMaps) || (key === "Secret" && mutability.secrets);
  if (mutable && !declaredImmutable) fields = fields.filter((field) => field === "type");
  return ["kind", "metadata.name", "metadata.namespace", ...fields];
}
