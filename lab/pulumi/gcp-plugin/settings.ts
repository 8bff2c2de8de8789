// The provider's own configuration.
import { equal, parseJson, textAt, withoutSecrets, type JsonObject } from "../plugin/values";
import type { ConfigDiff } from "../plugin/provider";

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

/** What every cluster of this cloud leads to. */
export interface ControlPlaneAccess {
  /** Host, and port where it is not 443. */
  readonly endpoint: string;
  /** PEM, in base64. */
  readonly ca: string;
  /** Range of its Pods. @default - one of Google's */
  readonly podCidr?: string;
  readonly serviceCidr?: string;
  /** Machines that become VMs with the node pool that takes them. @default - none: a node pool has no VMs */
  readonly machines?: readonly Machine[];
}

/** A machine that stands ready to be a node. */
export interface Machine {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  /** Name of the subnetwork of its interface. */
  readonly subnetwork: string;
}

/** The variable with {@link ControlPlaneAccess}, as JSON. */
export const GCP_CONTROL_PLANE = "PODPIN_GCP_CONTROL_PLANE";

export function controlPlane(env: NodeJS.ProcessEnv = process.env): ControlPlaneAccess {
  const given = parseJson(env[GCP_CONTROL_PLANE] ?? "");
  if (textAt(given, "endpoint") !== "") return given as unknown as ControlPlaneAccess;
  // Nobody answers there: a program can be previewed and deployed, but nothing can be put on its clusters.
  return { endpoint: "192.0.2.10", ca: Buffer.from("no certificate authority").toString("base64") };
}
