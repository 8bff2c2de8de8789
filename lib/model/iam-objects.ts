// The identity in Google Cloud as objects of Config Connector.
import type { ControllerPlan } from "./controller";
import type { DeclaredObject } from "./controller-manifests";
import { controllerPermissions, ROLE_DESCRIPTION, ROLE_STAGE, ROLE_TITLE, roleName } from "./iam";
import { labelsOf, type Manifest } from "./manifest";
import { CONTROLLER } from "./runtime";

const API_VERSION = "iam.cnrm.cloud.google.com/v1beta1";
/** By which Config Connector knows the project of an object. */
const PROJECT_ANNOTATION = "cnrm.cloud.google.com/project-id";

/** A custom role, and the controller's ServiceAccount as its member; other members of the role and project stay. */
export function configConnectorIdentity(
  plan: ControllerPlan,
  project: string,
  principal: string,
): readonly DeclaredObject[] {
  const metadata = {
    name: CONTROLLER,
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
      title: ROLE_TITLE,
      description: ROLE_DESCRIPTION,
      stage: ROLE_STAGE,
      permissions: controllerPermissions(plan),
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
  const declared = (key: string, stage: number, object: Manifest): DeclaredObject => ({ key, stage, object });
  return [declared("role", 1, role), declared("role-member", 2, member)];
}
