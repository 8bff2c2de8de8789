// The frameworks are optional peers: a cdk8s user installs no Pulumi, and the other way round. Node's own message for a
// missing one does not say what to install, so each entry point looks first.

/** @param entry the import that the user wrote, for example `podpin/pulumi` */
export function requirePeers(entry: string, peers: readonly string[], resolve: (name: string) => unknown): void {
  const missing = peers.filter((name) => !isInstalled(name, resolve));
  if (missing.length === 0) return;
  const names = missing.join(" and ");
  const verb = missing.length === 1 ? "is" : "are";
  throw new Error(`${entry} needs ${names}, which ${verb} not installed; run: npm i ${missing.join(" ")}`);
}

function isInstalled(name: string, resolve: (name: string) => unknown): boolean {
  try {
    resolve(name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return false;
    throw error;
  }
}
