// Who has had which address, as the API server has taken it, and what follows from it for packets and for Ready.
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import type { Answer } from "./client";

interface Version {
  readonly at: number;
  readonly order: bigint;
  readonly binding: AddressBinding;
  readonly deleted: boolean;
  readonly byHand: boolean;
}

/** The time of one owner: it is another one when the Pod or the node is. */
interface Reign {
  readonly uid: string;
  readonly node: string;
  readonly epoch: number;
  readonly from: number;
}

export interface Verdict {
  readonly wrong: string;
  readonly text: string;
}

interface Known {
  readonly versions: Version[];
  readonly reigns: Reign[];
  /** Index of the reign that has answered the newest question so far, and that question. */
  reached: number;
  reachedSeq: number;
}

const HISTORY_MS = 15_000;
/** An agent on a busy machine may take so long to read and do what the API server has taken. */
const READ_WITHIN_MS = 1_000;

/** The controller gives a higher epoch to another owner, or says who is to let go; whoever patches it may do neither. */
function isByHand(was: AddressBinding["spec"], is: AddressBinding["spec"]): boolean {
  const rest = ({ epoch: _, ...others }: AddressBinding["spec"]): string => JSON.stringify(others);
  return is.epoch > was.epoch && rest(is) === rest(was);
}

const orderOf = (object: { readonly metadata: { readonly resourceVersion?: string } }): bigint =>
  BigInt(object.metadata.resourceVersion ?? "0");

export class Owners {
  readonly #known = new Map<string, Known>();
  /** By route: what its status said of late. */
  readonly #told = new Map<string, readonly { readonly at: number; readonly said: string; readonly whole: string }[]>();

  constructor(private readonly violation: (subject: string, text: string) => void) {}

  binding(address: string): AddressBinding | undefined {
    const last = this.#of(address).versions.at(-1);
    return last?.deleted === false ? last.binding : undefined;
  }

  /**
   * Whether two nodes may answer for a moment: the 5 s in which the new one is silent for an old one that says nothing are just over
   * (docs/moves.md, "From node to node").
   */
  isOverdue(address: string, at: number): boolean {
    const { versions } = this.#of(address);
    return versions.some((version, index) => {
      const [was, is] = [versions[index - 1], version].map((each) => each?.binding.spec.releasing?.wait);
      return was === true && is === false && Math.abs(at - version.at) < 2 * READ_WITHIN_MS;
    });
  }

  /** What the API server took of late, for whoever has to find out why. */
  history(address: string, at: number): string {
    const { versions } = this.#of(address);
    const late = versions.filter((version) => version.at > at - HISTORY_MS);
    return timeline(late, at, lineOf);
  }

  /**
   * Whether the node has the address for another Pod by now and has not said that it knows: what it had it goes on serving while it does
   * not reach the API server, as no other node may.
   */
  isBehind(address: string, nodeName: string, at: number): boolean {
    const { spec, status } = this.#of(address).versions.findLast((version) => version.at <= at)?.binding ?? {};
    const ack = status?.acks?.find((each) => each.nodeName === nodeName);
    return spec?.nodeName === nodeName && ack?.epoch !== spec.epoch;
  }

  /** When the owner of that time became one. */
  movedAt(address: string, at: number): number {
    return this.#of(address).reigns.findLast(({ from }) => from <= at)?.from ?? 0;
  }

  saw(type: string, binding: AddressBinding, at: number): void {
    const { spec, metadata } = binding;
    const known = this.#of(metadata.name);
    const before = known.versions.at(-1);
    // Made anew, after its route was or by whoever deleted it, it begins anew.
    const same = before?.binding.metadata.uid === metadata.uid ? before?.binding.spec : undefined;
    const byHand = same !== undefined && isByHand(same, spec);
    known.versions.push({ at, order: orderOf(binding), binding, deleted: type === "DELETED", byHand });
    if (type === "DELETED") return;
    if (same !== undefined && spec.epoch < same.epoch) {
      this.violation(`${metadata.name}: epoch ${spec.epoch}`, `after ${same.epoch}`);
    }
    const identity = (one: AddressBinding["spec"]): string => `${one.owner?.podUid ?? "nobody"} on ${one.nodeName}`;
    if (same?.epoch === spec.epoch && identity(same) !== identity(spec)) {
      this.violation(`${metadata.name}: epoch ${spec.epoch}`, `was ${identity(same)} and is ${identity(spec)}`);
    }
    const last = known.reigns.at(-1);
    if (spec.owner === undefined) return;
    const { podUid: uid } = spec.owner;
    if (last?.uid === uid && last.node === spec.nodeName) return;
    known.reigns.push({ uid, node: spec.nodeName, epoch: spec.epoch, from: at });
  }

  /** @param latest until when an owner may have become one that answered */
  judgeAnswer({ address, seq, sent, at }: Answer, uid: string, latest: number): Verdict | undefined {
    const known = this.#of(address);
    const { reigns } = known;
    const now = reigns.findLastIndex(({ from }) => from <= latest);
    const told = sent - READ_WITHIN_MS;
    const then = reigns.findLastIndex(({ from }) => from <= told);
    // The present owner, the one before, and whom the binding says to be letting go.
    const earliest = Math.max(0, Math.min(then - 1, this.#releasing(known, told, then)));
    const found = reigns.slice(earliest, now + 1).flatMap((reign, i) => (reign.uid === uid ? [earliest + i] : []));
    const tells = (): string => {
      const rest = reigns.slice(-4).map((reign) => `${reign.uid} on ${reign.node} (${Math.round(at - reign.from)} ms)`);
      const history = this.history(address, at);
      return `question ${seq} was answered after ${Math.round(at - sent)} ms; owners: ${rest.join(", ")}${history}`;
    };
    if (found.length === 0) return { wrong: "and is not its owner", text: tells() };
    if (seq < known.reachedSeq) return undefined;
    const next = found.find((index) => index >= known.reached);
    if (next === undefined) return { wrong: "after a later owner", text: tells() };
    [known.reached, known.reachedSeq] = [next, seq];
    return undefined;
  }

  /**
   * Ready is True only where each address was acknowledged for its Pod and epoch before, by what was written before. What somebody
   * changes by hand the controller learns from its watch, and may have written meanwhile.
   */
  judgeReady(route: GKEIPRoute, at: number): void {
    const { metadata, spec, status } = route;
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    if (!this.#isNews(route, at)) return;
    if (ready?.status !== "True" || ready.observedGeneration !== metadata.generation) return;
    if (metadata.deletionTimestamp !== undefined) return;
    const order = orderOf(route);
    for (const { value = "" } of spec.addresses ?? []) {
      const address = value.replace("/32", "");
      const before = this.#of(address).versions.filter((version) => version.order < order);
      const last = before.at(-1);
      const known = before.filter((_, index) => {
        const next = before[index + 1];
        return next === undefined || (next.byHand && at - next.at < READ_WITHIN_MS);
      });
      const epochs = known.map(({ binding }) => binding.spec.epoch);
      const served = before.some(
        ({ binding, deleted }) =>
          !deleted &&
          epochs.includes(binding.spec.epoch) &&
          binding.spec.owner?.podName === status?.pods?.[0] &&
          binding.spec.route.uid === metadata.uid &&
          binding.status?.acks?.some(
            (ack) =>
              ack.nodeName === binding.spec.nodeName &&
              ack.epoch === binding.spec.epoch &&
              ack.podUid === binding.spec.owner?.podUid &&
              ack.state === "Announced",
          ),
      );
      if (served) continue;
      const since = last?.at ?? 0;
      const told = timeline(this.#told.get(metadata.name) ?? [], since, ({ said }) => said);
      this.violation(
        `route ${metadata.name} is Ready and ${address} not acknowledged`,
        `at ${order}${told}${this.history(address, since)}`,
      );
    }
  }

  /** Notes what the route says. Where somebody else wrote to it podpin, which may be refused its writes, has said nothing new. */
  #isNews(route: GKEIPRoute, at: number): boolean {
    const { metadata, status } = route;
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    const said = `version ${orderOf(route)}: ${status?.pods?.join() ?? "nobody"}, Ready ${ready?.status}: ${ready?.message}`;
    const whole = JSON.stringify(status);
    const before = this.#told.get(metadata.name) ?? [];
    const told = [...before, { at, said, whole }].filter((each) => each.at > at - HISTORY_MS);
    this.#told.set(metadata.name, told);
    return before.at(-1)?.whole !== whole;
  }

  #releasing({ versions, reigns }: Known, at: number, then: number): number {
    const { releasing } = versions.findLast((version) => version.at <= at)?.binding.spec ?? {};
    if (releasing === undefined) return then;
    const found = reigns.findLastIndex(
      ({ node, epoch }, index) => index <= then && node === releasing.nodeName && epoch <= releasing.epoch,
    );
    return found < 0 ? then : found;
  }

  #of(address: string): Known {
    const known = this.#known.get(address) ?? { versions: [], reigns: [], reached: 0, reachedSeq: 0 };
    this.#known.set(address, known);
    return known;
  }
}

function timeline<T extends { readonly at: number }>(
  all: readonly T[],
  since: number,
  text: (one: T) => string,
): string {
  return all.map((one) => `\n    ${Math.round(one.at - since)} ms: ${text(one)}`).join("");
}

function lineOf({ order, binding: { spec, status }, deleted }: Version): string {
  const { epoch, owner, nodeName, releasing, standby } = spec;
  const left = releasing && `${releasing.nodeName} (${releasing.epoch}) lets go${releasing.wait ? ", waited for" : ""}`;
  const acks = (status?.acks ?? []).map((ack) => `${ack.nodeName} ${ack.state} ${ack.epoch}`);
  const next = standby && `next ${JSON.stringify(standby)}`;
  const whose = `epoch ${epoch}: ${owner?.podUid ?? "nobody"} on ${nodeName}`;
  const parts = [whose, left, next, ...acks];
  return `${deleted ? "deleted, " : ""}version ${order}: ${parts.filter((part) => part !== undefined).join("; ")}`;
}
