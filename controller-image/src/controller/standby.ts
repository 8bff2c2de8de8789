// Which Pod would get an address if its owner's node were lost: its node gets ready for that. A hint and no more, so an address
// moves just as well where the binding names nobody, or somebody else. Pure.
import type { BindingStandby } from "../../../lib/model/binding";
import { ReactionMode } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { choosePod, isEligible, podAddress, standingOf } from "../../../lib/model/selection";
import { contest, type ChoiceInput } from "./choice";

/**
 * What the binding of an address shall say.
 *
 * @param before what it says; it goes on saying so for as long as that Pod could take over, or none on another node could: Pods
 *   whose readiness flaps cost no writes
 */
export type StandbyChoice = (before?: BindingStandby) => BindingStandby | undefined;

/** @param ownerNode node of the Pod that has, or gets, the addresses */
export function chooseStandby(input: ChoiceInput, ownerNode: string): StandbyChoice {
  const { matching, rules, isUnsteady } = contest(input);
  const elsewhere = matching.filter((pod) => {
    const on = pod.spec?.nodeName ?? "";
    return on !== ownerNode && isEligible(pod, ReactionMode.Exists) && input.node(on) !== undefined;
  });
  const isAble = (pod: Pod): boolean => isEligible(pod, rules.reactionMode) && standingOf(pod, rules) === "settled";
  const best = choosePod(elsewhere.filter(isAble), { ...rules, isUnsteady });
  return (before) => {
    const same = ({ metadata, spec }: Pod): boolean =>
      metadata.uid === before?.podUid && spec?.nodeName === before?.nodeName;
    const kept = before && elsewhere.find(same);
    const stays =
      kept !== undefined && (isAble(kept) || best === undefined || best.spec?.nodeName === before?.nodeName);
    const chosen = stays ? kept : best;
    const podIp = chosen && (podAddress(chosen, rules.network) ?? before?.podIp);
    if (chosen === undefined || podIp === undefined) return undefined;
    const { name, uid = "" } = chosen.metadata;
    return { nodeName: chosen.spec?.nodeName ?? "", podName: name, podUid: uid, podIp };
  };
}

export function sameStandby(a: BindingStandby | undefined, b: BindingStandby | undefined): boolean {
  return a?.nodeName === b?.nodeName && a?.podName === b?.podName && a?.podUid === b?.podUid && a?.podIp === b?.podIp;
}
