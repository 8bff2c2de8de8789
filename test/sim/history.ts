// What the API server has ever held of each binding, as the checks need it: every epoch, when it might be announced, and
// what every node has said about it. Reads commits only; knows nothing of the code under test.
import type { AddressBinding, BindingRelease } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import type { Commit } from "../support/memory-server";

/** One epoch of one binding. */
export interface Grant {
  readonly address: string;
  /** Order over all epochs of the address, also over bindings that were deleted and made again. */
  readonly order: number;
  readonly bindingUid: string;
  readonly epoch: number;
  readonly nodeName: string;
  readonly podUid?: string;
  readonly podIp?: string;
  readonly route: string;
  readonly delivery: string;
  readonly since: number;
  /** The process that made it. */
  readonly by: string;
  /** As it was when the epoch began. */
  readonly releasing?: BindingRelease;
  /** The owner's node may speak for the address: nobody is waited for, or who was waited for has let go. */
  mayAnnounce: boolean;
  /** Nobody was waited for at some time of this epoch. */
  unwaited: boolean;
  /** The owner's node has said so. */
  programmed: boolean;
  announced: boolean;
  ended?: number;
}

class AddressHistory {
  readonly grants: Grant[] = [];
  /** By node: orders up to this one the node has promised never to serve (again). */
  readonly released = new Map<string, number>();
  /** By node: the order that the node has acknowledged as its own; nothing lower may follow. */
  readonly served = new Map<string, number>();
  deleted = false;

  get last(): Grant | undefined {
    return this.grants.at(-1);
  }

  /** Since when the node is to let go of what it had by an epoch, however often the address has moved on since; never: `Infinity`. */
  askedSince({ nodeName, epoch }: BindingRelease): number {
    const isAsked = ({ releasing }: Grant): boolean => releasing?.nodeName === nodeName && releasing.epoch === epoch;
    const other = this.grants.findLastIndex((grant) => !isAsked(grant));
    return this.grants[other + 1]?.since ?? Infinity;
  }

  /** The newest epoch in which this Pod address on this node was the owner's. */
  grantTo(nodeName: string, podIp: string): Grant | undefined {
    return this.grants.findLast((grant) => grant.nodeName === nodeName && grant.podIp === podIp);
  }

  /**
   * What an agent that is behind may act by: earlier grants to the same Pod, while it has promised nothing since, and nobody else has
   * spoken who had to wait for it.
   */
  unfinished(nodeName: string, { podIp, order }: Grant): Grant[] {
    return this.grants.filter((one, index) => {
      const overtaken = this.grants
        .slice(index + 1)
        .some((later) => later.announced && !later.unwaited && later.nodeName !== nodeName);
      const same = one.nodeName === nodeName && one.podIp === podIp && one.order < order;
      return same && !overtaken && this.permits(nodeName, one);
    });
  }

  /** Whether the node may hand packets to the Pod: it was granted, and the node has not promised otherwise since. */
  allows(nodeName: string, podUid: string): boolean {
    const grant = this.grants.findLast((one) => one.nodeName === nodeName && one.podUid === podUid);
    return grant !== undefined && this.permits(nodeName, grant);
  }

  permits(nodeName: string, grant: Grant): boolean {
    const { order } = grant;
    return order > (this.released.get(nodeName) ?? -1) && order >= (this.served.get(nodeName) ?? -1);
  }
}

export class History {
  readonly #addresses = new Map<string, AddressHistory>();
  readonly versions: AddressBinding[] = [];

  of(address: string): AddressHistory {
    let found = this.#addresses.get(address);
    if (found === undefined) this.#addresses.set(address, (found = new AddressHistory()));
    return found;
  }

  note(commit: Commit, now: number, by: string): void {
    if (commit.resource.plural !== RESOURCES.addressBindings.plural) return;
    const object = (commit.after ?? commit.before) as AddressBinding;
    const history = this.of(object.metadata.name);
    const last = history.last;
    if (commit.after === undefined) {
      history.deleted = true;
      if (last !== undefined) last.ended ??= now;
      return;
    }
    this.versions.push(object);
    history.deleted = false;
    const { epoch, nodeName, owner, releasing, route, delivery } = object.spec;
    const bindingUid = object.metadata.uid ?? "";
    if (last === undefined || last.bindingUid !== bindingUid || last.epoch !== epoch) {
      if (last !== undefined) last.ended ??= now;
      history.grants.push({
        address: object.metadata.name,
        order: history.grants.length,
        bindingUid,
        epoch,
        nodeName,
        podUid: owner?.podUid,
        podIp: owner?.podIp,
        route: route.uid,
        delivery,
        since: now,
        by,
        releasing,
        mayAnnounce: false,
        unwaited: false,
        programmed: false,
        announced: false,
      });
    }
    this.#acks(history, object);
  }

  #acks(history: AddressHistory, { metadata, spec, status }: AddressBinding): void {
    const present = history.last;
    if (present === undefined) return;
    for (const ack of status?.acks ?? []) {
      const grant = history.grants.findLast(
        ({ bindingUid, epoch }) => bindingUid === metadata.uid && epoch <= ack.epoch,
      );
      if (grant === undefined) continue;
      if (ack.state === "Released") {
        history.released.set(ack.nodeName, Math.max(grant.order, history.released.get(ack.nodeName) ?? -1));
      }
      if (grant.epoch !== ack.epoch || grant.nodeName !== ack.nodeName || grant.podUid !== ack.podUid) continue;
      if (ack.state !== "Programmed" && ack.state !== "Announced") continue;
      grant.programmed = true;
      grant.announced ||= ack.state === "Announced";
      history.served.set(ack.nodeName, Math.max(grant.order, history.served.get(ack.nodeName) ?? -1));
    }
    const { releasing } = spec;
    present.unwaited ||= releasing?.wait !== true;
    const former = status?.acks?.find(({ nodeName }) => nodeName === releasing?.nodeName);
    const letGo = former?.state === "Released" && former.epoch >= (releasing?.epoch ?? 0);
    present.mayAnnounce ||= present.unwaited || letGo;
  }
}
