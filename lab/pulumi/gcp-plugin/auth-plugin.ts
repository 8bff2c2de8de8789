// Stand-in for Google's `gke-gcloud-auth-plugin`, the command in a kubeconfig for GKE: it prints the token that it is given.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export async function installAuthPlugin(bin: string, token: string): Promise<void> {
  const apiVersion = "client.authentication.k8s.io/v1beta1";
  const credential = { apiVersion, kind: "ExecCredential", status: { token } };
  const script = `#!/bin/sh\ncat <<'END'\n${JSON.stringify(credential)}\nEND\n`;
  await writeFile(join(bin, "gke-gcloud-auth-plugin"), script, { mode: 0o700 });
}
