import * as pulumi from "@pulumi/pulumi";

import { LATER } from "../model/later";
import type { PodTemplate, PodTemplateFacts } from "../model/pod-template";
import type { StatefulSetFacts } from "../model/workload";
import { at, early } from "./early";
import { knownNow } from "./inputs";

/** A StatefulSet as `@pulumi/kubernetes` gives it, whichever copy of the SDK made it. */
export interface StatefulSetResource {
  /** Its metadata. */
  readonly metadata: pulumi.Output<StatefulSetMetadata>;
  /** Its spec. */
  readonly spec: pulumi.Output<StatefulSetSpec>;
}

/** The part of a StatefulSet's metadata that is read. */
export interface StatefulSetMetadata {
  /** Name of the StatefulSet. */
  readonly name: string;
  /** Namespace of the StatefulSet and of its Pods. */
  readonly namespace: string;
}

/** The part of a StatefulSet's spec that is read. */
export interface StatefulSetSpec {
  /** How many Pods it has. */
  readonly replicas?: number;
  /** How it numbers them. */
  readonly ordinals?: StatefulSetOrdinals;
  /** Their template. */
  readonly template?: PodTemplate;
}

/** Where the ordinals of a StatefulSet start. */
export interface StatefulSetOrdinals {
  /** The lowest ordinal. */
  readonly start?: number;
}

/** The name of a StatefulSet, or the StatefulSet itself. */
export type StatefulSetReference = pulumi.Input<string> | StatefulSetResource;

/** What the program knows of the StatefulSet while it runs. */
export function statefulSetNow(reference: StatefulSetReference | undefined): StatefulSetFacts | undefined {
  if (reference === undefined) return undefined;
  if (!isStatefulSetResource(reference)) return { name: knownNow(reference) };
  const givenKind = kindOf(reference);
  const facts = { name: LATER, namespace: LATER, replicas: LATER, firstOrdinal: LATER, template: LATER } as const;
  return { ...facts, ...(givenKind === undefined ? {} : { givenKind }) };
}

type FactsLater = pulumi.Input<StatefulSetFacts | undefined>;

/** What is known of it in the end; in a preview, what is known by then. */
export function statefulSetLater(reference: StatefulSetReference | undefined): FactsLater {
  if (reference === undefined) return undefined;
  if (!isStatefulSetResource(reference)) {
    // An output can be that of the resource, as a Helm chart gives it.
    return pulumi
      .output(reference)
      .apply((given) => (isStatefulSetResource(given) ? statefulSetLater(given) : { name: given })) as FactsLater;
  }
  return pulumi.all([early(reference.metadata), early(reference.spec)]).apply(([metadata, spec]): StatefulSetFacts => ({
    name: at<string>(metadata, "name") ?? LATER,
    namespace: at<string>(metadata, "namespace"),
    replicas: at<number>(spec, "replicas"),
    firstOrdinal: at<number>(spec, "ordinals", "start"),
    template: at<PodTemplateFacts>(spec, "template"),
  }));
}

/** `kubernetes:apps/v1:Deployment` → Deployment; a resource has its type from the start. */
export function kindOf(reference: object): string | undefined {
  const { __pulumiType: type } = reference as { readonly __pulumiType?: unknown };
  return typeof type === "string" ? type.split(":").at(-1) : undefined;
}

function isStatefulSetResource(reference: StatefulSetReference): reference is StatefulSetResource {
  // An Output has every property, so it is ruled out first.
  if (pulumi.Output.isInstance(reference) || typeof reference !== "object" || reference === null) return false;
  return "metadata" in reference;
}
