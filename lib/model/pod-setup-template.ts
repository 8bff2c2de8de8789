// The set-up that stands in a Pod template, compared with the routes of its Pods: what a route brings to a Pod that does not
// hold the address, the Pod's kernel drops, and nobody says so.
import { Delivery, deliveryTraits } from "./binding";
import { isKnown, LATER, type MaybeLater } from "./later";
import { type PodTemplateFacts, subjectOf, type WorkloadTemplate } from "./pod-template";
import type { Problems } from "./problems";

/** Name of the init container that adds the addresses. */
export const SETUP_CONTAINER = "podpin-addresses";

/** The variable by which the init container knows its Pod. */
export const SETUP_POD_NAME = "POD_NAME";

/** The variable of an address, of one Pod or of all. */
export function setupVariable(index: number, ordinal?: number): string {
  return ordinal === undefined ? `ADDRESS_${index}` : `ADDRESS_${ordinal}_${index}`;
}

/** What a Pod is to have by its routes. */
export interface RoutedPod {
  /** Absent where it is no Pod of a StatefulSet. */
  readonly ordinal?: number;
  readonly addresses: readonly MaybeLater<string>[];
}

/** Checks that the set-up in the template of the workload, where there is one, gives its Pods what their routes do. */
export function checkPodSetupOf(
  workload: WorkloadTemplate,
  delivery: Delivery | undefined,
  pods: readonly RoutedPod[],
  problems: Problems,
): void {
  // Of the others the node or its agent sees to it that the Pod takes the packets.
  const traits = deliveryTraits(delivery ?? Delivery.App);
  if (traits === undefined || traits.translates || traits.insidePod) return;
  const { kind, template } = workload;
  const setup = template === undefined || !isKnown(template) ? undefined : setupIn(template);
  if (setup === undefined) return;
  const field = kind === "StatefulSet" ? "statefulSet" : "deployment";
  if (kind === "Deployment" && setup.has(SETUP_POD_NAME)) {
    problems.addFact(
      field,
      `a Pod template of ${subjectOf(workload)} with a podSetup by ordinals`,
      "its Pods have none, and would not start: pass addresses to podSetup",
    );
    return;
  }
  const found = pods.map(({ ordinal, addresses }) => ({ ordinal, addresses, values: valuesOf(setup, ordinal) }));
  const without = found.filter(({ values }) => values.length === 0).flatMap(({ ordinal }) => ordinal ?? []);
  if (without.length > 0) {
    const [first = 0, last = 0] = [without[0], without.at(-1)];
    problems.addFact(
      field,
      `a podSetup in its Pod template without addresses for Pod${first === last ? ` ${first}` : `s ${first} to ${last}`}`,
      "what arrives for them would be dropped: give podSetup the same replicas or ordinals",
    );
    return;
  }
  for (const { ordinal, addresses, values } of found) {
    const missing = addresses.find((address) => isKnown(address) && !values.includes(address));
    const isUnsure = values.includes(LATER) && values.length >= addresses.length;
    if (isUnsure || (missing === undefined && values.length >= addresses.length)) continue;
    const pod = ordinal === undefined ? "its Pods" : `Pod ${ordinal}`;
    problems.addFact(
      field,
      missing === undefined
        ? `a podSetup in its Pod template with ${values.length} of ${addresses.length} addresses for ${pod}`
        : `a podSetup in its Pod template without ${JSON.stringify(missing)} for ${pod}`,
      "what arrives for it would be dropped: give podSetup the same addresses, or the same addressesPerPod, startIndex and ordinals",
    );
    return;
  }
}

/** What the set-up adds in a Pod; where it does not count Pods, the same in all. */
function valuesOf(setup: ReadonlyMap<string, MaybeLater<string>>, ordinal?: number): readonly MaybeLater<string>[] {
  const own = setup.has(SETUP_POD_NAME) ? ordinal : undefined;
  const values: MaybeLater<string>[] = [];
  for (;;) {
    const value = setup.get(setupVariable(values.length, own));
    if (value === undefined) return values;
    values.push(value);
  }
}

/** The variables of the set-up; undefined where there is none, or something of it is still to come. */
function setupIn({ spec }: PodTemplateFacts): ReadonlyMap<string, MaybeLater<string>> | undefined {
  const containers = spec === undefined || !isKnown(spec) ? undefined : spec.initContainers;
  if (containers === undefined || !isKnown(containers)) return undefined;
  const container = containers.filter(isKnown).find(({ name }) => name === SETUP_CONTAINER);
  const env = container?.env;
  if (env === undefined || !isKnown(env) || !env.every(isKnown)) return undefined;
  return new Map(env.map(({ name, value }) => [String(name), value ?? ""]));
}
