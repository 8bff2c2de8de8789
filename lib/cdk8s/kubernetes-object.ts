import { ApiObject, type ApiObjectProps, Chart, JsonPatch } from "cdk8s";
import type { Construct } from "constructs";

import { ownArguments, warningOf } from "../model/argument-names";
import { DEFAULT_NAMESPACE } from "../model/pool";
import { Problems } from "../model/problems";
import { checkShape, Flavour, shapedKind } from "../model/shape";
import { PROPERTY_NAMES } from "./property-names";

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

/**
 * Throws what is wrong with the shape of a construct's properties, before the construct itself reads them, and warns of
 * names that it does not know.
 *
 * @returns the properties that it knows
 */
export function checkProperties<Props extends object>(
  component: keyof typeof PROPERTY_NAMES,
  id: string,
  props: Props,
): Props {
  const names = PROPERTY_NAMES[component];
  const kind = shapedKind(component);
  const foreign = checked(kind, id, (problems) => checkShape(Flavour.Cdk8s, component, props, names, problems));
  const warning = warningOf(`${kind} "${id}"`, foreign, names);
  if (warning !== undefined) process.emitWarning(warning);
  return ownArguments(props, names);
}
