// How a program reaches a GKE cluster.

/** What a kubeconfig is made of. Each stays as it is while the cluster is updated. */
export interface ClusterAccess {
  /** Address of the control plane, without scheme. */
  readonly endpoint: string;
  /** Certificate of the cluster's own authority, in base64 as GKE gives it. */
  readonly caCertificate: string;
}

/**
 * A kubeconfig that asks GKE's own plug-in for credentials, so that it holds no secret. Its bytes depend on the endpoint
 * and the authority alone: no version, no time, no token. They change when the control plane's address or authority does
 * (credential rotation), and then they must.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
 */
export function kubeconfigOf({ endpoint, caCertificate }: ClusterAccess): string {
  const name = "gke";
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1beta1",
    command: "gke-gcloud-auth-plugin",
    installHint: "Install gke-gcloud-auth-plugin: gcloud components install gke-gcloud-auth-plugin",
    provideClusterInfo: true,
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: `https://${endpoint}`, "certificate-authority-data": caCertificate } }],
    users: [{ name, user: { exec } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
