// The provider's own configuration, and whether a change of it means another cluster.
import type { ConfigDiff } from "../plugin/provider";
import { serverOf, type KubeconfigChoice } from "./kubeconfig";
import { equal, textAt, withoutSecrets, type Json, type JsonObject } from "./values";

export interface Settings {
  readonly access: KubeconfigChoice;
  readonly namespace: string;
  readonly patchForce: boolean;
  readonly configMapsMutable: boolean;
  readonly secretsMutable: boolean;
  readonly upsertExistingObjects: boolean;
}

export function readSettings(configuration: JsonObject, env: NodeJS.ProcessEnv = process.env): Settings {
  const config = withoutSecrets(configuration) as JsonObject;
  const text = (key: string): string | undefined => textAt(config, key) || undefined;
  // Booleans come as JSON text from the program, and as plain text from the environment.
  const flag = (key: string, variable: string): boolean => String(config[key] ?? env[variable] ?? "false") === "true";
  if (text("renderYamlToDirectory") !== undefined) {
    throw new Error(
      "renderYamlToDirectory: the lab's stand-in plugin only deploys; put the real pulumi-resource-kubernetes on PATH",
    );
  }
  return {
    access: { kubeconfig: text("kubeconfig"), context: text("context"), cluster: text("cluster") },
    namespace: text("namespace") ?? env["PULUMI_K8S_NAMESPACE"] ?? "",
    patchForce: flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    configMapsMutable: flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
    secretsMutable: flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
    upsertExistingObjects: flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
  };
}

/** A change of `clusterIdentifier` is another cluster; without one, a kubeconfig that leads to another server is. */
export function diffSettings(olds: JsonObject, news: JsonObject): ConfigDiff {
  const [before, after] = [withoutSecrets(olds) as JsonObject, withoutSecrets(news) as JsonObject];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...keys].filter((key) => key !== "version" && !equal(before[key], after[key]));
  const identifiers: readonly (Json | undefined)[] = [before["clusterIdentifier"], after["clusterIdentifier"]];
  if (identifiers.some((identifier) => identifier !== undefined)) {
    const moved = identifiers.every((identifier) => identifier !== undefined) && !equal(...pair(identifiers));
    return { changed, replaces: moved ? ["clusterIdentifier"] : [] };
  }
  const access = ["kubeconfig", "context", "cluster"].filter((key) => changed.includes(key));
  const moved = access.length > 0 && server(before) !== server(after);
  return { changed, replaces: moved ? access : [] };
}

function pair<T>(values: readonly T[]): [T | undefined, T | undefined] {
  return [values[0], values[1]];
}

function server(config: JsonObject): string | undefined {
  const text = (key: string): string | undefined => textAt(config, key) || undefined;
  return serverOf({ kubeconfig: text("kubeconfig"), context: text("context"), cluster: text("cluster") });
}
