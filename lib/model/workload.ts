// What a program knows of its workloads, and how a Pod of a StatefulSet is told from its siblings.
import { isKnown, type MaybeLater } from "./later";
import { isDnsSubdomain, isLabelValue } from "./names";
import { type PodTemplateFacts, subjectOf } from "./pod-template";
import type { Problems } from "./problems";
import type { LabelExpression } from "./selector";

/** The label that the StatefulSet controller puts on every Pod: the Pod's own name, `<set>-<ordinal>`. */
export const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";

/** Kinds that a program may take for a StatefulSet: they look alike to a compiler, but their Pods are not numbered. */
const UNNUMBERED_KINDS: readonly string[] = ["Deployment", "ReplicaSet", "DaemonSet"];

/** What a program can know of a StatefulSet. */
export interface StatefulSetFacts {
  /** Kind of the object that the program gives for it, where it can be told. */
  readonly givenKind?: string;
  readonly name: MaybeLater<string>;
  /** Absent when only the name was given. */
  readonly namespace?: MaybeLater<string>;
  /** `spec.replicas`; absent when it is not set, or not known at all. */
  readonly replicas?: MaybeLater<number>;
  /** `spec.ordinals.start`, 0 by default. */
  readonly firstOrdinal?: MaybeLater<number>;
  /** `spec.template`; absent when only the name was given. */
  readonly template?: MaybeLater<PodTemplateFacts>;
}

/** What a program can know of a Deployment. */
export interface DeploymentFacts {
  /** Kind of the object that the program gives for it, where it can be told. */
  readonly givenKind?: string;
  readonly name: MaybeLater<string>;
  /** Absent when only the name was given, as is everything that follows. */
  readonly namespace?: MaybeLater<string>;
  /** `spec.selector.matchLabels`. */
  readonly labels?: MaybeLater<Readonly<Record<string, string>>>;
  /** `spec.selector.matchExpressions`. */
  readonly expressions?: MaybeLater<readonly LabelExpression[]>;
  /** `spec.template`. */
  readonly template?: MaybeLater<PodTemplateFacts>;
}

/** The name of one Pod of a StatefulSet. */
export function podNameOf(statefulSet: string, ordinal: number): string {
  return `${statefulSet}-${ordinal}`;
}

/** Checks that this StatefulSet has a Pod of this ordinal. */
export function checkStatefulSetPod(set: StatefulSetFacts, ordinal: number | undefined, problems: Problems): void {
  if (set.givenKind !== undefined && UNNUMBERED_KINDS.includes(set.givenKind)) {
    const want = "its Pods have no ordinals: pass a StatefulSet, or use PinnedDeployment";
    problems.addFact("statefulSet", `a ${set.givenKind}`, want);
    return;
  }
  const wholeNumber = ordinal !== undefined && Number.isSafeInteger(ordinal) && ordinal >= 0;
  if (isKnown(set.name)) {
    if (!isDnsSubdomain(set.name)) {
      problems.add("statefulSet", set.name, "use the name of a StatefulSet, or the StatefulSet itself");
    } else if (wholeNumber && !isLabelValue(podNameOf(set.name, ordinal))) {
      problems.add(
        "statefulSet",
        set.name,
        `the Pod name "${podNameOf(set.name, ordinal)}" is a label value, which has at most 63 characters: shorten the StatefulSet's name`,
      );
    }
  }
  if (!wholeNumber) {
    const want = "use the number at the end of the Pod's name, a whole number from 0";
    problems.add("ordinal", ordinal, want);
    return;
  }
  const { replicas, firstOrdinal = 0 } = set;
  if (replicas === undefined || !isKnown(replicas) || !isKnown(firstOrdinal)) return;
  const last = firstOrdinal + replicas - 1;
  if (ordinal >= firstOrdinal && ordinal <= last) return;
  const subject = subjectOf({ kind: "StatefulSet", name: set.name });
  problems.add(
    "ordinal",
    ordinal,
    replicas < 1
      ? `${subject} has no replicas: set replicas to at least ${Math.max(1, ordinal - firstOrdinal + 1)}`
      : ordinal < firstOrdinal
        ? `${subject} starts at ordinal ${firstOrdinal}: use ${firstOrdinal} to ${last}`
        : `${subject} has ${replicas} replica${replicas === 1 ? "" : "s"}: use ${firstOrdinal === last ? last : `${firstOrdinal} to ${last}`}, or set replicas to at least ${ordinal - firstOrdinal + 1}`,
  );
}
