// What the Pod template of a workload must have, so that its Pods can have the addresses.
import { quotedList } from "./choices";
import { DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK, type ReactionMode } from "./gke-api";
import { isKnown, LATER, type MaybeLater } from "./later";
import {
  ANNOTATION_DEFAULT_INTERFACE,
  ANNOTATION_INTERFACES,
  interfaceNamesOf,
  isInterfaceList,
  networksOf,
} from "./pod-interfaces";
import type { Problems } from "./problems";
import { waitsForReady } from "./selection";

/** The parts of a Pod template that are read. */
export interface PodTemplate {
  /** Labels and annotations of the Pods. */
  metadata?: PodTemplateMetadata;
  /** What the Pods run. */
  spec?: PodTemplateSpec;
}

/** Labels and annotations of a Pod template. */
export interface PodTemplateMetadata {
  /** Labels of the Pods. */
  labels?: Record<string, string>;
  /** Annotations of the Pods. */
  annotations?: Record<string, string>;
}

/** The part of a Pod's spec that is read. */
export interface PodTemplateSpec {
  /** Whether the Pods share the network of their node. */
  hostNetwork?: boolean;
  /** The containers. */
  containers?: PodTemplateContainer[];
  /** The init containers; one that keeps running can have a probe. */
  initContainers?: PodTemplateContainer[];
  /** Further conditions of readiness. */
  readinessGates?: object[];
}

/** The part of a container that is read. */
export interface PodTemplateContainer {
  /** Says when the container can serve. */
  readinessProbe?: object;
}

/** What a program knows of a Pod template: a value that is still to come may stand anywhere in it. */
export interface PodTemplateFacts {
  readonly metadata?: MaybeLater<{
    readonly labels?: MaybeLater<TextFacts>;
    readonly annotations?: MaybeLater<TextFacts>;
  }>;
  readonly spec?: MaybeLater<PodSpecFacts>;
}

type TextFacts = Readonly<Record<string, MaybeLater<string>>>;

interface PodSpecFacts {
  readonly hostNetwork?: MaybeLater<boolean>;
  readonly containers?: MaybeLater<readonly MaybeLater<ContainerFacts>[]>;
  readonly initContainers?: MaybeLater<readonly MaybeLater<ContainerFacts>[]>;
  readonly readinessGates?: MaybeLater<readonly unknown[]>;
}

interface ContainerFacts {
  readonly name?: MaybeLater<string>;
  readonly env?: MaybeLater<readonly MaybeLater<VariableFacts>[]>;
  readonly readinessProbe?: MaybeLater<object>;
}

interface VariableFacts {
  readonly name?: MaybeLater<string>;
  readonly value?: MaybeLater<string>;
}

/** A workload as far as a program knows it. */
export interface WorkloadTemplate {
  readonly kind: "StatefulSet" | "Deployment";
  readonly name: MaybeLater<string>;
  /** Absent when only the name of the workload was given, as is its template. */
  readonly namespace?: MaybeLater<string>;
  readonly template?: MaybeLater<PodTemplateFacts>;
}

/** `StatefulSet "db"`. */
export function subjectOf({ kind, name }: Pick<WorkloadTemplate, "kind" | "name">): string {
  return isKnown(name) ? `${kind} "${name}"` : `the ${kind}`;
}

/** Checks that the Pods have an interface on the network. */
export function checkPodInterface(
  workload: WorkloadTemplate | undefined,
  network: MaybeLater<string>,
  problems: Problems,
): void {
  const template = workload?.template;
  if (workload === undefined || template === undefined || !isKnown(template)) return;
  const { metadata = {} } = template;
  const annotations = isKnown(metadata) ? (metadata.annotations ?? {}) : LATER;
  if (!isKnown(annotations)) return;
  checkDefaultInterface(workload, annotations, problems);
  if (!isKnown(network) || network === DEFAULT_NETWORK || network === LEGACY_DEFAULT_NETWORK) return;
  const annotation = annotations[ANNOTATION_INTERFACES];
  if (annotation === LATER) return;
  const networks = annotation === undefined ? [] : networksOf(annotation);
  // An entry may name an interface object of the cluster, and that its network; and what is no list was told already.
  if (networks === undefined || networks.includes(network)) return;
  const others = networks.filter((one) => one !== DEFAULT_NETWORK && one !== LEGACY_DEFAULT_NETWORK);
  if (others.length === 0) {
    problems.add(
      "network",
      network,
      `the Pod template of ${subjectOf(workload)} has no interface on it: spread podInterfaces([{ interfaceName: "eth1", network: ${JSON.stringify(network)} }]) into the annotations of the template`,
    );
    return;
  }
  problems.add(
    "network",
    network,
    `the Pod template of ${subjectOf(workload)} has interfaces on ${quotedList(others, "and")} and none on it: use the right name, or list one on this network in podInterfaces`,
  );
}

/** Checks that the interface with the default route is one of those that the Pods ask for. */
function checkDefaultInterface(workload: WorkloadTemplate, annotations: TextFacts, problems: Problems): void {
  const listed = annotations[ANNOTATION_INTERFACES];
  if (listed !== undefined && listed !== LATER && !isInterfaceList(listed)) {
    problems.add(
      `annotations["${ANNOTATION_INTERFACES}"] of ${subjectOf(workload)}`,
      listed,
      "GKE reads a JSON list whose entries have interfaceName and either network or interface: write it with podInterfaces",
    );
    return;
  }
  const names = listed === undefined || listed === LATER ? undefined : interfaceNamesOf(listed);
  const given = annotations[ANNOTATION_DEFAULT_INTERFACE];
  if (names === undefined || given === LATER || (given !== undefined && names.includes(given))) return;
  problems.add(
    `annotations["${ANNOTATION_DEFAULT_INTERFACE}"] of ${subjectOf(workload)}`,
    given,
    `GKE needs it beside networking.gke.io/interfaces, with the name of one of its interfaces: use ${names.map((name) => JSON.stringify(name)).join(" or ")}, or write both annotations with podInterfaces`,
  );
}

/** Checks that labels which the user names are those that the Pods get. */
export function checkTemplateLabels(
  workload: WorkloadTemplate,
  podSelector: Readonly<Record<string, string>>,
  problems: Problems,
): void {
  const { template } = workload;
  const metadata = template === undefined || !isKnown(template) ? LATER : (template.metadata ?? {});
  const labels = isKnown(metadata) ? (metadata.labels ?? {}) : LATER;
  if (!isKnown(labels)) return;
  const matches = ([key, value]: [string, string]) => labels[key] === LATER || labels[key] === value;
  if (Object.entries(podSelector).every(matches)) return;
  const shown = Object.fromEntries(Object.entries(labels).filter(([, value]) => isKnown(value)));
  problems.add(
    "podSelector",
    podSelector,
    `the Pods of ${subjectOf(workload)} have the labels ${JSON.stringify(shown)}, so none would match: use those, or leave podSelector out`,
  );
}

/** Checks what makes a Pod eligible: without a probe `ReadyCondition` says no more than that the containers run. */
export function checkReadiness(
  workload: WorkloadTemplate,
  reactionMode: ReactionMode,
  allowNoReadinessProbe: boolean | undefined,
  problems: Problems,
): void {
  const { template } = workload;
  if (template === undefined || !isKnown(template)) return;
  const { spec = {} } = template;
  if (!isKnown(spec)) return;
  const field = workload.kind === "StatefulSet" ? "statefulSet" : "deployment";
  if (spec.hostNetwork === true) {
    problems.addFact(
      field,
      "a Pod template with hostNetwork: true",
      "such Pods have the addresses of their node, and none can be theirs: leave hostNetwork out",
    );
  }
  if (!waitsForReady(reactionMode) || allowNoReadinessProbe === true) return;
  if (hasProbe(spec) !== false) return;
  problems.add(
    "reactionMode",
    reactionMode,
    `no container of ${subjectOf(workload)} has a readinessProbe, so a Pod would have the addresses before it can answer: add a probe, or accept that with allowNoReadinessProbe: true`,
  );
}

/** Whether some container says when it can serve, or something outside of the Pods does; later, where neither is sure. */
function hasProbe({ containers = [], initContainers = [], readinessGates = [] }: PodSpecFacts): MaybeLater<boolean> {
  const all: readonly MaybeLater<ContainerFacts>[] = [
    ...(isKnown(containers) ? containers : [LATER as typeof LATER]),
    ...(isKnown(initContainers) ? initContainers : [LATER as typeof LATER]),
  ];
  const probes = all.map((container) => (isKnown(container) ? container.readinessProbe : LATER));
  if (probes.some((probe) => probe !== undefined && isKnown(probe))) return true;
  if (isKnown(readinessGates) && readinessGates.length > 0) return true;
  return isKnown(readinessGates) && !probes.includes(LATER) ? false : LATER;
}
