// What may be seen from outside, judged without a line of the controller or the agent: packets at the client, answers to ARP on
// the segment, and what the API server has taken, in its own order.
import { join } from "node:path";
import { now, type RunningChild, startChild } from "../../bench/lab/child";
import type { LabHost } from "../../lab/cluster/host";
import type { Lab } from "../../lab/cluster/lab";
import { API_SERVER_ADDRESS, macOf } from "../../lab/cluster/plan";
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import type { KubeObject, Pod } from "../../lib/model/kubernetes";
import type { ArpAnswer, ArpAsking } from "./asker";
import type { Answer, Asking } from "./client";
import { isOf } from "./machine";
import { Owners } from "./owners";
import { ALL_ADDRESSES, NAMESPACE } from "./setting";
import type { Seen, Watching } from "./watcher";

/** An answer is judged when everything that was seen until then has been told. */
const JUDGED_AFTER_MS = 2_500;
/** How much earlier an agent may have read a version than this process. */
const WATCH_LAG_MS = 1_500;
const POLL_MS = 250;

export interface Observed {
  readonly violation: (subject: string, text: string) => void;
  /** Whether the node's kernel may be left as it was, since its agent did not run at some time between these. */
  readonly agentAway: (node: string, from: number, to: number) => boolean;
  /** Whether somebody else makes this node answer for whatever address, or whatever node for this address. */
  readonly isStranger: (nodeOrAddress: string, at: number) => boolean;
}

export class Observer {
  readonly routes = new Map<string, GKEIPRoute>();
  readonly pods = new Map<string, Pod>();
  readonly owners = new Owners((subject, text) => this.by.violation(subject, text));
  /** The last answer for each address. */
  readonly last = new Map<string, Answer>();
  /** What of podpin's was last written, and when. */
  wrote = { at: now(), what: "" };
  /** Who answered before is not judged: until everything has come to rest once, its beginnings were not seen. */
  judgedFrom = Infinity;
  readonly counts = { answers: 0, arp: 0, versions: 0, excused: 0 };

  readonly #children: RunningChild<unknown>[] = [];
  readonly #answers: Answer[] = [];
  readonly #doubles: (readonly [ArpAnswer, ArpAnswer])[] = [];
  readonly #routeVersions: { readonly at: number; readonly route: GKEIPRoute }[] = [];
  /** Of the present question, by address. */
  readonly #spoke = new Map<string, ArpAnswer[]>();
  /** By hostname, which no two Pods have. */
  readonly #podOf = new Map<string, { readonly uid: string; readonly node: string }>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly lab: Lab,
    private readonly by: Observed,
  ) {}

  start(): void {
    const { server, ca, token } = this.lab.controlPlane;
    const paths = {
      binding: "/apis/podpin.dev/v1alpha1/addressbindings",
      route: `/apis/networking.gke.io/v1/namespaces/${NAMESPACE}/gkeiproutes`,
      pod: `/api/v1/namespaces/${NAMESPACE}/pods`,
    };
    this.#run<Seen, Watching>(this.lab.control, "watcher.ts", { server, ca, token, paths }, (seen) => this.#saw(seen));
    this.#run<Answer, Asking>(this.lab.client, "client.ts", { addresses: ALL_ADDRESSES, intervalMs: 20 }, (answer) => {
      this.#answers.push(answer);
    });
    const asking = { addresses: ALL_ADDRESSES, device: this.lab.segment.bridge, intervalMs: 300 };
    const own = { ...asking, mac: macOf(API_SERVER_ADDRESS) };
    this.#run<ArpAnswer, ArpAsking>(this.lab.control, "asker.ts", own, (answer) => this.#spokeUp(answer));
    this.#timer = setInterval(() => this.#judge(now() - JUDGED_AFTER_MS), POLL_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#judge(Infinity);
    this.#children.forEach((child) => child.stop());
  }

  uidOf(hostname: string): string | undefined {
    return this.#podOf.get(hostname)?.uid;
  }

  #run<T, S>(host: LabHost, program: string, settings: S, heard: (line: T) => void): void {
    const child = startChild<T>(host, join(__dirname, program), settings);
    this.#children.push(child as RunningChild<unknown>);
    const listen = async (): Promise<void> => {
      for (;;) heard(await child.next());
    };
    listen().catch((error: Error) => this.#stopped || this.by.violation("the observer", error.message));
  }

  #saw({ what, type, object, at }: Seen): void {
    this.counts.versions++;
    const { name, uid = "" } = object.metadata;
    if (what === "pod") {
      const pod = object as Pod & { readonly spec: { readonly hostname?: string } };
      const { hostname, nodeName } = pod.spec;
      if (hostname !== undefined && nodeName !== undefined) this.#podOf.set(hostname, { uid, node: nodeName });
      if (type !== "DELETED") this.pods.set(uid, pod);
      else this.pods.delete(uid);
      return;
    }
    this.wrote = { at, what: `${type} ${what} ${name}` };
    if (what === "binding") return this.owners.saw(type, object as AddressBinding, at);
    const route = object as GKEIPRoute;
    if (type === "DELETED") this.routes.delete(name);
    else this.routes.set(name, route);
    if (type === "MODIFIED") this.#routeVersions.push({ at, route });
  }

  /** Two nodes that answer one question. */
  #spokeUp(answer: ArpAnswer): void {
    this.counts.arp++;
    const { address, question, mac, at } = answer;
    const before = (this.#spoke.get(address) ?? []).filter((each) => each.question === question);
    this.#spoke.set(address, [...before, answer]);
    const other = before.find((each) => each.mac !== mac);
    if (other !== undefined && at >= this.judgedFrom) this.#doubles.push([other, answer]);
  }

  #judgeDouble(answers: readonly [ArpAnswer, ArpAnswer]): void {
    const { address, at } = answers[1];
    const nodes = answers.map(({ mac }) => this.#nodeOf(mac));
    if (nodes[0] === nodes[1]) return;
    const away = nodes.some((node) => this.by.agentAway(node, at, at));
    const strange = [...nodes, address].some((each) => this.by.isStranger(each, at));
    if (away || strange || this.owners.isOverdue(address, at)) return void this.counts.excused++;
    const moved = this.owners.movedAt(address, at);
    this.by.violation(
      `${address}: ${nodes.join(" and ")} both answer one ARP request`,
      `${Math.round(at - moved)} ms after the binding named its node${this.owners.history(address, at)}`,
    );
  }

  #nodeOf(mac: string): string {
    return this.lab.nodes.find(({ address }) => isOf(mac, address))?.name ?? mac;
  }

  #judge(until: number): void {
    const due = this.#answers.filter(({ at }) => at <= until);
    this.#answers.splice(0, this.#answers.length, ...this.#answers.filter(({ at }) => at > until));
    for (const answer of due.sort((one, other) => one.sent - other.sent)) this.#judgeAnswer(answer);
    for (const answers of taken(this.#doubles, ([, { at }]) => at <= until)) this.#judgeDouble(answers);
    for (const { route, at } of taken(this.#routeVersions, ({ at }) => at <= until)) this.owners.judgeReady(route, at);
  }

  #judgeAnswer(answer: Answer): void {
    this.counts.answers++;
    const { address, sent, at, by, seq } = answer;
    const before = this.last.get(address);
    if (before === undefined || before.seq < seq) this.last.set(address, answer);
    if (sent < this.judgedFrom) return;
    if (before?.seq === seq && before.by !== by) {
      this.by.violation(`${address}: ${before.by} and ${by} both answered`, `question ${seq}`);
    }
    const pod = this.#podOf.get(by);
    if (pod === undefined) return this.by.violation(`${address}: ${by} answered`, "which is no Pod");
    const verdict = this.owners.judgeAnswer(answer, pod.uid, at + WATCH_LAG_MS);
    if (verdict === undefined) return;
    if (this.by.agentAway(pod.node, sent, at)) return void this.counts.excused++;
    if (this.owners.isBehind(address, pod.node, sent)) return void this.counts.excused++;
    this.by.violation(`${address}: ${by} (${pod.uid}) on ${pod.node} answered ${verdict.wrong}`, verdict.text);
  }
}

/** Takes what is due from the front. */
function* taken<T>(queue: T[], isDue: (one: T) => boolean): Iterable<T> {
  for (let [first] = queue; first !== undefined && isDue(first); [first] = queue) {
    queue.shift();
    yield first;
  }
}

export const isReady = (object: KubeObject): boolean => {
  const status = (object as Pod).status;
  const ready = status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
  return ready && object.metadata.deletionTimestamp === undefined;
};
