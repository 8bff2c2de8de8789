import * as pulumi from "@pulumi/pulumi";

import type { ClusterFacts } from "../model/cluster-facts";
import { controllerPrincipal, ROLE_DESCRIPTION, ROLE_STAGE, ROLE_TITLE, workloadPoolOf } from "../model/iam";
import { gcp } from "./gcp";

export interface ControllerIdentityArgs {
  readonly namespace: string;
  readonly roleId: string;
  readonly permissions: readonly string[];
  readonly project: pulumi.Input<string>;
  readonly projectNumber: pulumi.Input<string>;
  readonly workloadPool: pulumi.Input<string> | undefined;
  readonly cluster: pulumi.Output<ClusterFacts> | undefined;
}

/** A custom role, and the controller's ServiceAccount as its member; other members of the role and project stay. */
export function controllerIdentity(
  name: string,
  args: ControllerIdentityArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  const component = "googleCloudProject of PersistentIpController";
  const { IAMCustomRole } = gcp(component, "projects/iamcustomRole");
  const { IAMMember } = gcp(component, "projects/iammember");
  const { project, projectNumber, workloadPool, cluster, namespace, roleId } = args;
  const role = new IAMCustomRole(
    `${name}-role`,
    {
      project,
      roleId,
      title: ROLE_TITLE,
      description: ROLE_DESCRIPTION,
      stage: ROLE_STAGE,
      permissions: [...args.permissions],
    },
    opts,
  );
  const member = pulumi
    .output({ project, projectNumber, workloadPool, cluster })
    .apply((known) =>
      controllerPrincipal(
        known.projectNumber,
        workloadPoolOf(known.workloadPool, known.cluster as ClusterFacts | undefined, known.project),
        namespace,
      ),
    );
  new IAMMember(`${name}-role-member`, { project, role: role.name, member }, opts);
}
