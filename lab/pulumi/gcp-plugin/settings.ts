// The provider's own configuration.
import { equal, parseJson, textAt, withoutSecrets, type JsonObject } from "../plugin/values";
import type { ConfigDiff } from "../plugin/provider";
import type { ControlPlaneAccess } from "./resource-type";

export interface Settings {
  readonly project: string;
  readonly region: string;
  readonly zone: string;
}

/** The variables that the real provider reads too, the first that is set. */
const VARIABLES: Readonly<Record<"project" | "region" | "zone", readonly string[]>> = {
  project: ["GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"],
  region: ["GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"],
  zone: ["GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"],
};

export function readSettings(configuration: JsonObject, env: NodeJS.ProcessEnv = process.env): Settings {
  const config = withoutSecrets(configuration) as JsonObject;
  const text = (key: keyof typeof VARIABLES): string =>
    textAt(config, key) || VARIABLES[key].map((name) => env[name] ?? "").find((value) => value !== "") || "";
  return { project: text("project"), region: text("region"), zone: text("zone") };
}

export function diffSettings(olds: JsonObject, news: JsonObject): ConfigDiff {
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
  // Resources carry their own project and region, so a new default moves none of them.
  return { changed: [...keys].filter((key) => key !== "version" && !equal(olds[key], news[key])), replaces: [] };
}

/** The variable with `{ endpoint, ca }` of the API server that every cluster of this cloud leads to. */
export const GCP_CONTROL_PLANE = "PODPIN_GCP_CONTROL_PLANE";

export function controlPlane(env: NodeJS.ProcessEnv = process.env): ControlPlaneAccess {
  const given = parseJson(env[GCP_CONTROL_PLANE] ?? "");
  const endpoint = textAt(given, "endpoint");
  if (endpoint !== "") return { endpoint, ca: textAt(given, "ca") };
  // Nobody answers there: a program can be previewed and deployed, but nothing can be put on its clusters.
  return { endpoint: "192.0.2.10", ca: Buffer.from("no certificate authority").toString("base64") };
}
