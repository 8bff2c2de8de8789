import { ApiObject } from "cdk8s";

import type { PodTemplate } from "../model/pod-template";
import type { LabelExpression } from "../model/selector";
import type { DeploymentFacts } from "../model/workload";

/** The name of a Deployment, or the Deployment itself. */
export type DeploymentReference = string | ApiObject;

/** What the chart knows of the Deployment. */
export function deploymentFacts(reference: DeploymentReference | undefined): DeploymentFacts | undefined {
  if (reference === undefined) return undefined;
  if (!ApiObject.isApiObject(reference)) return { name: reference as string };
  const { name, metadata, kind } = reference as ApiObject;
  const { spec } = (reference as ApiObject).toJson() as {
    spec?: {
      selector?: { matchLabels?: Record<string, string>; matchExpressions?: LabelExpression[] };
      template?: PodTemplate;
    };
  };
  return {
    givenKind: kind,
    name,
    namespace: metadata.namespace ?? "default",
    labels: spec?.selector?.matchLabels,
    expressions: spec?.selector?.matchExpressions,
    template: spec?.template,
  };
}
