import { ApiObject } from "cdk8s";

import type { PodTemplate } from "../model/pod-template";
import type { StatefulSetFacts } from "../model/workload";

/** The name of a StatefulSet, or the StatefulSet itself. */
export type StatefulSetReference = string | ApiObject;

/** What the chart knows of the StatefulSet. */
export function statefulSetFacts(reference: StatefulSetReference | undefined): StatefulSetFacts | undefined {
  if (reference === undefined) return undefined;
  if (!ApiObject.isApiObject(reference)) return { name: reference as string };
  const { name, metadata, kind } = reference as ApiObject;
  const { spec } = (reference as ApiObject).toJson() as {
    spec?: { replicas?: number; ordinals?: { start?: number }; template?: PodTemplate };
  };
  return {
    givenKind: kind,
    name,
    namespace: metadata.namespace ?? "default",
    replicas: spec?.replicas,
    firstOrdinal: spec?.ordinals?.start,
    template: spec?.template,
  };
}
