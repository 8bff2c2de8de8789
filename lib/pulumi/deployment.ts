import * as pulumi from "@pulumi/pulumi";

import { LATER } from "../model/later";
import type { PodTemplate, PodTemplateFacts } from "../model/pod-template";
import type { LabelExpression } from "../model/selector";
import type { DeploymentFacts } from "../model/workload";
import { at, early, whole } from "./early";
import { knownNow } from "./inputs";
import { kindOf } from "./stateful-set";

/** A Deployment as `@pulumi/kubernetes` gives it, whichever copy of the SDK made it. */
export interface DeploymentResource {
  /** Its metadata. */
  readonly metadata: pulumi.Output<DeploymentMetadata>;
  /** Its spec. */
  readonly spec: pulumi.Output<DeploymentSpec>;
}

/** The part of a Deployment's metadata that is read. */
export interface DeploymentMetadata {
  /** Name of the Deployment. */
  readonly name: string;
  /** Namespace of the Deployment and of its Pods. */
  readonly namespace: string;
}

/** The part of a Deployment's spec that is read. */
export interface DeploymentSpec {
  /** How it finds its Pods. */
  readonly selector: DeploymentSelector;
  /** Their template. */
  readonly template?: PodTemplate;
}

/** How a Deployment finds its Pods. */
export interface DeploymentSelector {
  /** Labels that they have. */
  readonly matchLabels?: Record<string, string>;
  /** Further conditions on their labels. */
  readonly matchExpressions?: DeploymentExpression[];
}

/** One condition on a label. */
export interface DeploymentExpression {
  /** Key of the label. */
  readonly key: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
  readonly operator: string;
  /** The values, with `In` and `NotIn`. */
  readonly values?: string[];
}

/** The name of a Deployment, or the Deployment itself. */
export type DeploymentReference = pulumi.Input<string> | DeploymentResource;

/** What the program knows of the Deployment while it runs. */
export function deploymentNow(reference: DeploymentReference | undefined): DeploymentFacts | undefined {
  if (reference === undefined) return undefined;
  if (pulumi.Output.isInstance(reference)) return { name: LATER, labels: LATER };
  if (!isDeploymentResource(reference)) return { name: knownNow(reference) };
  const givenKind = kindOf(reference);
  const facts = { name: LATER, namespace: LATER, labels: LATER, expressions: LATER, template: LATER } as const;
  return { ...facts, ...(givenKind === undefined ? {} : { givenKind }) };
}

type FactsLater = pulumi.Input<DeploymentFacts | undefined>;

/** What is known of it in the end; in a preview, what is known by then. */
export function deploymentLater(reference: DeploymentReference | undefined): FactsLater {
  if (reference === undefined) return undefined;
  if (!isDeploymentResource(reference)) {
    // An output can be that of the resource, as a Helm chart gives it.
    return pulumi
      .output(reference)
      .apply((given) => (isDeploymentResource(given) ? deploymentLater(given) : { name: given })) as FactsLater;
  }
  return pulumi.all([early(reference.metadata), early(reference.spec)]).apply(([metadata, spec]): DeploymentFacts => ({
    name: at<string>(metadata, "name") ?? LATER,
    namespace: at<string>(metadata, "namespace"),
    labels: whole(at<Record<string, string>>(spec, "selector", "matchLabels")),
    expressions: whole(at<LabelExpression[]>(spec, "selector", "matchExpressions")),
    template: at<PodTemplateFacts>(spec, "template"),
  }));
}

/** Whether this is the Deployment itself. */
export function isDeploymentResource(reference: DeploymentReference | undefined): reference is DeploymentResource {
  // An Output has every property, so it is ruled out first.
  if (pulumi.Output.isInstance(reference) || typeof reference !== "object" || reference === null) return false;
  return "metadata" in reference;
}
