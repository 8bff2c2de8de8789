import { ApiObject, type ApiObjectProps, Chart, JsonPatch } from "cdk8s";
import type { Construct } from "constructs";

import { DEFAULT_NAMESPACE } from "../model/pool";
import { Problems } from "../model/problems";
import { checkShape, type ShapedComponent, shapedKind } from "../model/shape";

/** Adds an object to the chart exactly as it is, but for the labels that the user gave to the chart. */
export function kubernetesObject(scope: Construct, id: string, manifest: ApiObjectProps): ApiObject {
  const object = new ApiObject(scope, id, manifest);
  // A chart gives its namespace to every object without one, cluster-scoped ones included.
  if (manifest.metadata?.namespace === undefined && Chart.of(scope).namespace !== undefined) {
    object.addJsonPatch(JsonPatch.remove("/metadata/namespace"));
  }
  return object;
}

/** The namespace of objects that the program gives none: that of the chart, as for its own objects. */
export function chartNamespace(scope: Construct): string {
  return Chart.of(scope).namespace ?? DEFAULT_NAMESPACE;
}

/** The namespace of routes: a workload that is an object brings its own, its name says nothing of that. */
export function routeNamespace(scope: Construct, given: string | undefined, workload: unknown): string | undefined {
  return given ?? (ApiObject.isApiObject(workload) ? undefined : chartNamespace(scope));
}

/** Runs checks and throws all that is wrong as one message. */
export function checked<T>(kind: string, name: string, plan: (problems: Problems) => T): T {
  const problems = new Problems();
  const result = plan(problems);
  const message = problems.message(`${kind} "${name}"`);
  if (message !== undefined) throw new Error(message);
  return result;
}

/** Throws what is wrong with the shape of a construct's properties, before the construct itself reads them. */
export function checkProperties(component: ShapedComponent, id: string, props: unknown): void {
  checked(shapedKind(component), id, (problems) => checkShape(component, props, problems));
}
