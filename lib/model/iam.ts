// What the controller may do in Google Cloud, and as whom.
import type { ClusterFacts } from "./cluster-facts";
import { GoogleCloudDriver, optionsGiven, type GoogleCloudOptions } from "./google-cloud";
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";
import { CONTROLLER } from "./runtime";

/** Id of the custom role where none is given. */
export const DEFAULT_ROLE_ID = "podpinController";
export const ROLE_TITLE = "podpin controller";
export const ROLE_DESCRIPTION =
  "Brings persistent addresses to the nodes of their Pods: forwarding rules and what they need";
export const ROLE_STAGE = "GA";

export const HOST_ROLE_TITLE = "podpin controller, network";
export const HOST_ROLE_DESCRIPTION =
  "Brings persistent addresses to Pods: what that needs of the network of a Shared VPC";

/** Of what every driver needs. It reserves and releases no address, changes no instance and no IAM policy. */
const COMMON = [
  ...permissions("addresses", "list", "use", "useInternal"),
  ...permissions("forwardingRules", "create", "delete", "get", "list"),
  ...permissions("instances", "get", "use"),
  ...permissions("regionOperations", "get"),
  ...permissions("regions", "get"),
  ...permissions("zoneOperations", "get"),
];
/** In the project of the network, which is the host project of a Shared VPC. */
const OF_NETWORKS = [...permissions("networks", "use"), ...permissions("subnetworks", "use")];
const OF_DRIVER: Readonly<Record<GoogleCloudDriver, readonly string[]>> = {
  [GoogleCloudDriver.HaPolicy]: [
    ...permissions(
      "networkEndpointGroups",
      "attachNetworkEndpoints",
      "create",
      "delete",
      "detachNetworkEndpoints",
      "get",
      "list",
      "use",
    ),
    ...permissions("regionBackendServices", "create", "delete", "get", "list", "update", "use"),
  ],
  [GoogleCloudDriver.TargetInstance]: [
    ...permissions("forwardingRules", "setTarget"),
    ...permissions("targetInstances", "create", "delete", "get", "list", "use"),
  ],
};
const OF_FIREWALLS = [
  ...permissions("firewalls", "create", "delete", "get", "list", "update"),
  ...permissions("globalOperations", "get"),
  ...permissions("networks", "updatePolicy"),
];

/** What says which permissions are needed, and where. */
export interface RoleOptions extends Pick<GoogleCloudOptions, "googleCloudDriver" | "googleCloudFirewallSources"> {
  /** Whether the network is in another project. @default false */
  readonly sharedVpc?: boolean;
}

/** Permissions of the custom role in the project of addresses and nodes, sorted. */
export function controllerPermissions(options: RoleOptions): readonly string[] {
  const { googleCloudDriver = GoogleCloudDriver.HaPolicy, sharedVpc = false } = options;
  return [...COMMON, ...OF_DRIVER[googleCloudDriver], ...(sharedVpc ? [] : ofNetwork(options))].sort();
}

/** Permissions of the custom role in the host project, sorted; none without a Shared VPC. */
export function hostProjectPermissions(options: RoleOptions): readonly string[] {
  return options.sharedVpc === true ? ofNetwork(options) : [];
}

function ofNetwork({ googleCloudFirewallSources }: RoleOptions): readonly string[] {
  return [...OF_NETWORKS, ...(googleCloudFirewallSources === undefined ? [] : OF_FIREWALLS)].sort();
}

function permissions(resource: string, ...verbs: readonly string[]): readonly string[] {
  return verbs.map((verb) => `compute.${resource}.${verb}`);
}

/** What is known of the identity while the program runs. */
export interface GoogleCloudInput extends GoogleCloudOptions {
  readonly googleCloudProject?: MaybeLater<string | undefined>;
  readonly googleCloudProjectNumber?: MaybeLater<string | undefined>;
  readonly googleCloudHostProject?: MaybeLater<string | undefined>;
  readonly workloadPool?: MaybeLater<string | undefined>;
  readonly googleCloudRoleId?: string;
  readonly cluster?: ClusterFacts;
}

/** `my-project-1`, and the older `example.com:my-project-1`. */
const PROJECT = /^(?:[a-z0-9][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/;
const NUMBER = /^\d+$/;
const POOL = /^[a-z0-9][-a-z0-9.:]*\.svc\.id\.goog$/;
const ROLE_ID = /^[a-zA-Z0-9_.]{3,64}$/;

/** Whether the controller gets an identity in Google Cloud; reports what is wrong with it. */
export function checkGoogleCloud(input: GoogleCloudInput, problems: Problems): boolean {
  const { googleCloudProject: project, googleCloudProjectNumber: number, workloadPool: pool } = input;
  const { googleCloudRoleId: roleId, googleCloudHostProject: host, cluster } = input;
  const field = "googleCloudProject";
  if (project === undefined || project === "") {
    const given = {
      googleCloudProjectNumber: number,
      googleCloudHostProject: host,
      workloadPool: pool,
      googleCloudRoleId: roleId,
      ...optionsGiven(input),
    };
    for (const [other, value] of Object.entries(given)) {
      if (value === undefined || value === "" || value === false) continue;
      problems.add(
        field,
        project,
        `${other} is set, which needs it: give the id of the project, or leave out ${other}`,
      );
    }
    return false;
  }
  if (isKnown(project) && !PROJECT.test(project)) {
    problems.add(
      field,
      project,
      NUMBER.test(project)
        ? "that is the number of a project: give it as googleCloudProjectNumber, and the id here"
        : 'use the id of a project, for example "my-project"',
    );
  }
  if (number === undefined || (isKnown(number) && !NUMBER.test(number))) {
    problems.add(
      "googleCloudProjectNumber",
      number,
      'use the number of the project, for example "123456789012"; `gcloud projects describe` shows it as projectNumber',
    );
  }
  if (host !== undefined && isKnown(host)) checkHostProject(host, project, problems);
  if (pool !== undefined && isKnown(pool) && !POOL.test(pool)) {
    problems.add(
      "workloadPool",
      pool,
      'use the pool of Workload Identity, "<project id>.svc.id.goog", or leave it out for the project\'s own',
    );
  }
  if (pool === undefined && cluster?.workloadPool === "") {
    const name = isKnown(cluster.name) ? `cluster "${cluster.name}"` : "the cluster";
    problems.add(
      "workloadPool",
      pool,
      `${name} has no Workload Identity, by which Google Cloud knows the controller: switch it on, or leave out googleCloudProject`,
    );
  }
  if (roleId !== undefined && !ROLE_ID.test(roleId)) {
    problems.add("googleCloudRoleId", roleId, 'use 3 to 64 letters, digits, "_" and "."');
  }
  return true;
}

function checkHostProject(host: string, project: MaybeLater<string>, problems: Problems): void {
  const field = "googleCloudHostProject";
  if (host === project) {
    problems.add(
      field,
      host,
      "that is googleCloudProject itself: leave it out, it is for a network of another project",
    );
  } else if (!PROJECT.test(host)) {
    problems.add(field, host, 'use the id of a project, for example "my-project"');
  }
}

/** The pool that is meant: the one given, else the cluster's, else that of the project's clusters. */
export function workloadPoolOf(given: string | undefined, cluster: ClusterFacts | undefined, project: string): string {
  if (given !== undefined) return given;
  const own = cluster?.workloadPool;
  return own !== undefined && isKnown(own) && own !== "" ? own : `${project}.svc.id.goog`;
}

/** The controller's ServiceAccount as IAM knows it: the project's number in front, the pool's name after. */
export function controllerPrincipal(projectNumber: string, workloadPool: string, namespace: string): string {
  return (
    `principal://iam.googleapis.com/projects/${projectNumber}/locations/global/workloadIdentityPools/${workloadPool}` +
    `/subject/ns/${namespace}/sa/${CONTROLLER}`
  );
}

/** The full name of a custom role. */
export function roleName(project: string, roleId: string): string {
  return `projects/${project}/roles/${roleId}`;
}
