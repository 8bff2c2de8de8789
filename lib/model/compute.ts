// What objects of Compute Engine have in common.
import type { Problems } from "./problems";

/** RFC 1035, as Compute Engine wants the names of its objects and network tags. */
const COMPUTE_NAME = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const MAX_COMPUTE_NAME = 63;

/**
 * Checks the name of an object of Compute Engine.
 *
 * @param longestSuffix what podpin may append to it, so that the longest name fits as well
 */
export function checkComputeName(what: string, got: string, problems: Problems, longestSuffix = ""): void {
  const longest = MAX_COMPUTE_NAME - longestSuffix.length;
  if (typeof got === "string" && got.length <= longest && COMPUTE_NAME.test(got)) return;
  problems.add(
    what,
    got,
    `a name in Compute Engine has 1 to ${longest} lower-case letters, digits and "-", starts with a letter and does not end with "-"`,
  );
}

/** Group and version of Config Connector's kinds for Compute Engine. */
export const CONFIG_CONNECTOR_COMPUTE = "compute.cnrm.cloud.google.com/v1beta1";

/** Annotations that Config Connector reads. */
const ConfigConnectorAnnotation = {
  /** Project of the object in Google Cloud, where it is not that of the namespace. */
  ProjectId: "cnrm.cloud.google.com/project-id",
  /** `abandon`: deleting the Kubernetes object keeps the object in Google Cloud. */
  DeletionPolicy: "cnrm.cloud.google.com/deletion-policy",
} as const;

/** The annotations of an object of Config Connector, as part of its metadata; none where nothing is to be said. */
export function configConnectorAnnotations(of: { readonly project?: string; readonly isKept?: boolean }): {
  readonly annotations?: Readonly<Record<string, string>>;
} {
  const annotations = {
    ...(of.project === undefined ? {} : { [ConfigConnectorAnnotation.ProjectId]: of.project }),
    ...(of.isKept === true ? { [ConfigConnectorAnnotation.DeletionPolicy]: "abandon" } : {}),
  };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}
