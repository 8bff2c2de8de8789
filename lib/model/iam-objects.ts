// The identity in Google Cloud as objects of Config Connector.
import type { ControllerPlan } from "./controller";
import type { DeclaredObject } from "./controller-manifests";
import type { GoogleCloudProjects } from "./google-cloud";
import {
  controllerPermissions,
  HOST_ROLE_DESCRIPTION,
  HOST_ROLE_TITLE,
  hostProjectPermissions,
  ROLE_DESCRIPTION,
  ROLE_STAGE,
  ROLE_TITLE,
  roleName,
} from "./iam";
import { labelsOf, type Manifest } from "./manifest";
import { CONTROLLER } from "./runtime";

const API_VERSION = "iam.cnrm.cloud.google.com/v1beta1";
/** By which Config Connector knows the project of an object. */
const PROJECT_ANNOTATION = "cnrm.cloud.google.com/project-id";

/** A custom role, and the controller's ServiceAccount as its member; with a Shared VPC the same in the host project. */
export function configConnectorIdentity(
  plan: ControllerPlan,
  { project, hostProject }: GoogleCloudProjects,
  principal: string,
): readonly DeclaredObject[] {
  const own = { title: ROLE_TITLE, description: ROLE_DESCRIPTION, permissions: controllerPermissions(plan) };
  const there = {
    title: HOST_ROLE_TITLE,
    description: HOST_ROLE_DESCRIPTION,
    permissions: hostProjectPermissions(plan),
  };
  return [
    ...membership(plan, { ...own, project, key: "role", name: CONTROLLER }, principal),
    ...(hostProject === undefined
      ? []
      : membership(
          plan,
          { ...there, project: hostProject, key: "host-role", name: `${CONTROLLER}-network` },
          principal,
        )),
  ];
}

interface Role {
  readonly key: string;
  /** Of the objects. */
  readonly name: string;
  readonly project: string;
  readonly title: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

/** Other members of the role and of the project stay. */
function membership(
  plan: ControllerPlan,
  { key, name, project, title, description, permissions }: Role,
  principal: string,
): readonly DeclaredObject[] {
  const metadata = {
    name,
    namespace: plan.namespace,
    labels: labelsOf("controller"),
    annotations: { [PROJECT_ANNOTATION]: project },
  };
  const role = {
    apiVersion: API_VERSION,
    kind: "IAMCustomRole",
    metadata,
    spec: {
      resourceID: plan.googleCloudRoleId,
      title,
      description,
      stage: ROLE_STAGE,
      permissions,
    },
  };
  const member = {
    apiVersion: API_VERSION,
    kind: "IAMPolicyMember",
    metadata,
    spec: {
      member: principal,
      role: roleName(project, plan.googleCloudRoleId),
      resourceRef: { kind: "Project", external: `projects/${project}` },
    },
  };
  const declared = (of: string, stage: number, object: Manifest): DeclaredObject => ({ key: of, stage, object });
  return [declared(key, 1, role), declared(`${key}-member`, 2, member)];
}
