// Which Pod would get an address if its owner's node were lost: its node gets ready for that. A hint and no more, so an address
// moves just as well where the binding names nobody, or somebody else. Pure.
import type { BindingStandby } from "../../../lib/model/binding";
import { DWELL_MS } from "../../../lib/model/damping";
import type { Pod } from "../../../lib/model/kubernetes";
import { canBeEligible, choosePod, isEligible, podAddress, standingOf } from "../../../lib/model/selection";
import { contest, type ChoiceInput } from "./choice";
import type { Contender } from "./contenders";

/**
 * What the binding of an address shall say.
 *
 * @param before what it says; it goes on saying so for as long as that Pod could take over and no better one has been able to for a
 *   while, or none on another node could: Pods whose readiness flaps cost no writes
 */
export type StandbyChoice = (before?: BindingStandby) => BindingStandby | undefined;

export interface Standbys {
  readonly choose: StandbyChoice;
  /** Who would get the addresses, where a binding names another one that could; and when to look again. */
  readonly aspirant?: { readonly podUid: string; readonly againAfterMs?: number };
}

export interface StandbyInput extends ChoiceInput {
  /** The aspirant when this route was last looked at, if there was one. */
  readonly aspirant?: Contender;
}

/** @param ownerNode node of the Pod that has, or gets, the addresses */
export function chooseStandby(input: StandbyInput, ownerNode: string): Standbys {
  const { own, matching, rules } = contest(input);
  const elsewhere = matching.filter((pod) => {
    const on = pod.spec?.nodeName ?? "";
    return on !== ownerNode && canBeEligible(pod) && input.node(on) !== undefined;
  });
  const isAble = (pod: Pod): boolean => isEligible(pod, rules.reactionMode) && standingOf(pod, rules) === "settled";
  // Whoever has moved too often may be passed over when it comes to it; but that is forgotten with time and with each controller that
  // starts, and what is written here must not change by that alone.
  const best = choosePod(elsewhere.filter(isAble), rules);
  const bestUid = best?.metadata.uid;
  const forMs = input.aspirant !== undefined && input.aspirant.podUid === bestUid ? input.aspirant.forMs : 0;
  const named = (before: BindingStandby | undefined): Pod | undefined =>
    before &&
    elsewhere.find(({ metadata, spec }) => metadata.uid === before.podUid && spec?.nodeName === before.nodeName);
  // Another one on the same node is got ready for by the same means.
  const isOutdone = (kept: Pod): boolean => best !== undefined && best.spec?.nodeName !== kept.spec?.nodeName;
  const choose: StandbyChoice = (before) => {
    const kept = named(before);
    const stays = kept !== undefined && (!isOutdone(kept) || (isAble(kept) && forMs < DWELL_MS));
    const chosen = stays ? kept : best;
    const podIp = chosen && (podAddress(chosen, rules.network) ?? before?.podIp);
    if (chosen === undefined || podIp === undefined) return undefined;
    const { name, uid = "" } = chosen.metadata;
    return { nodeName: chosen.spec?.nodeName ?? "", podName: name, podUid: uid, podIp };
  };
  const waits = own.some(({ spec }) => {
    const kept = named(spec.standby);
    return kept !== undefined && isAble(kept) && isOutdone(kept);
  });
  if (!waits || bestUid === undefined) return { choose };
  return { choose, aspirant: { podUid: bestUid, againAfterMs: forMs < DWELL_MS ? DWELL_MS - forMs : undefined } };
}

export function sameStandby(a: BindingStandby | undefined, b: BindingStandby | undefined): boolean {
  return a?.nodeName === b?.nodeName && a?.podName === b?.podName && a?.podUid === b?.podUid && a?.podIp === b?.podIp;
}
