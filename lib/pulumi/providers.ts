import * as pulumi from "@pulumi/pulumi";

/**
 * The options of a component whose Kubernetes objects belong to a certain cluster. A Kubernetes provider that the caller
 * names wins, and his other options stay as they are.
 */
export function withKubernetesProvider(
  opts: pulumi.ComponentResourceOptions | undefined,
  provider: pulumi.ProviderResource | undefined,
): pulumi.ComponentResourceOptions {
  const passed = withDependencies(opts);
  if (provider === undefined) return passed;
  const { provider: one, providers: several, ...rest } = passed;
  // Of two providers for one package the later one counts.
  return { ...rest, providers: [provider, ...Object.values(several ?? {}), ...(one === undefined ? [] : [one])] };
}

/**
 * The options of a component whose objects depend on what it depends on itself. Pulumi makes them after that, but knows of
 * no dependency when it deletes: what they need could go before them.
 */
export function withDependencies(opts: pulumi.ComponentResourceOptions | undefined): pulumi.ComponentResourceOptions {
  const { dependsOn } = opts ?? {};
  if (dependsOn === undefined) return opts ?? {};
  const pass: pulumi.ResourceTransformation = ({ props, opts: own }) => {
    // The component itself has it.
    if (own.dependsOn === dependsOn) return undefined;
    const all = pulumi.all([own.dependsOn, dependsOn]).apply((both) => both.flatMap((some) => some ?? []));
    return { props, opts: { ...own, dependsOn: all } };
  };
  return { ...opts, transformations: [...(opts?.transformations ?? []), pass] };
}
