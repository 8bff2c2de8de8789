import * as pulumi from "@pulumi/pulumi";

import type { ClusterFacts } from "../model/cluster-facts";
import {
  controllerPrincipal,
  HOST_ROLE_DESCRIPTION,
  HOST_ROLE_TITLE,
  ROLE_DESCRIPTION,
  ROLE_STAGE,
  ROLE_TITLE,
  workloadPoolOf,
} from "../model/iam";
import { gcp } from "./gcp";

export interface ControllerIdentityArgs {
  readonly namespace: string;
  readonly roleId: string;
  readonly permissions: readonly string[];
  /** Those in the host project, where there is one. */
  readonly hostPermissions: readonly string[];
  readonly project: pulumi.Input<string>;
  readonly hostProject: pulumi.Input<string> | undefined;
  readonly projectNumber: pulumi.Input<string>;
  readonly workloadPool: pulumi.Input<string> | undefined;
  readonly cluster: pulumi.Output<ClusterFacts> | undefined;
}

/**
 * A custom role, and the controller's ServiceAccount as its member; with a Shared VPC the same in the host project. Other members of
 * the roles and projects stay.
 */
export function controllerIdentity(
  name: string,
  args: ControllerIdentityArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  const component = "googleCloudProject of PersistentIpController";
  const { IAMCustomRole } = gcp(component, "projects/iamcustomRole");
  const { IAMMember } = gcp(component, "projects/iammember");
  const { project, hostProject, projectNumber, workloadPool, cluster, namespace, roleId } = args;
  const member = pulumi
    .output({ project, projectNumber, workloadPool, cluster })
    .apply((known) =>
      controllerPrincipal(
        known.projectNumber,
        workloadPoolOf(known.workloadPool, known.cluster as ClusterFacts | undefined, known.project),
        namespace,
      ),
    );
  const membership = (
    key: string,
    where: pulumi.Input<string>,
    { title, description, permissions }: { title: string; description: string; permissions: readonly string[] },
  ): void => {
    const body = { project: where, roleId, title, description, stage: ROLE_STAGE, permissions: [...permissions] };
    const role = new IAMCustomRole(`${name}-${key}`, body, opts);
    new IAMMember(`${name}-${key}-member`, { project: where, role: role.name, member }, opts);
  };
  const { permissions, hostPermissions } = args;
  membership("role", project, { title: ROLE_TITLE, description: ROLE_DESCRIPTION, permissions });
  if (hostProject !== undefined) {
    const host = { title: HOST_ROLE_TITLE, description: HOST_ROLE_DESCRIPTION, permissions: hostPermissions };
    membership("host-role", hostProject, host);
  }
}
