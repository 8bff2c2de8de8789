import type * as pulumi from "@pulumi/pulumi";

/**
 * The options of a component whose Kubernetes objects belong to a certain cluster. A Kubernetes provider that the caller
 * names wins, and his other options stay as they are.
 */
export function withKubernetesProvider(
  opts: pulumi.ComponentResourceOptions | undefined,
  provider: pulumi.ProviderResource | undefined,
): pulumi.ComponentResourceOptions {
  if (provider === undefined) return opts ?? {};
  const { provider: one, providers: several, ...rest } = opts ?? {};
  // Of two providers for one package the later one counts.
  return { ...rest, providers: [provider, ...Object.values(several ?? {}), ...(one === undefined ? [] : [one])] };
}
