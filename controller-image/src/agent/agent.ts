// The node agent: watches the bindings of its node, plans, programs the kernel, announces, acknowledges. One pass at a
// time; whatever happens meanwhile asks for one more. Stopping it leaves the kernel as it is.
import { AckState, type AddressBinding, type BindingAck, FailReason } from "../../../lib/model/binding";
import { RESOURCES } from "../../../lib/model/kubernetes";
import type { Announcers } from "../fabric/fabric";
import type { Change, Clock, Kube, Log, Reflector } from "../kube/api";
import { Backoff } from "../kube/backoff";
import { errorText } from "../kube/log";
import { ackWriter } from "./acks";
import { isEcho } from "./echo";
import { evidence } from "./evidence";
import { flushing } from "./flushing";
import { doubts, type Isolation } from "./isolation";
import type { Kernel } from "./kernel";
import { formerPods } from "./letting-go";
import type { PassResult } from "./metrics";
import type { NodeVerdict } from "./node-problems";
import type { AddressMemory } from "./outcome";
import { outdatedAck, withoutVersions } from "./outdated";
import { isBadNews, unprogrammed } from "./news";
import { type Failure, logPass } from "./pass-log";
import { runPasses } from "./passes";
import { hopsNeeded, isNoChange, type Plan, plan, type PlanInput, podsNeeded, refusedAck, remember } from "./plan";
import { cidrsOf, watchRanges } from "./ranges";
import { readBinding } from "./reading";
import { standbysOn, watchStandbys } from "./standbys";
import { isEmpty, type KernelState } from "./state";

export interface AgentOptions {
  readonly kube: Kube;
  readonly kernel: Kernel;
  readonly announcers: Announcers;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Interface on the segment that the addresses are announced on. */
  readonly uplink: string;
  /** Namespace of the ConfigMap with the cluster's ranges. */
  readonly namespace: string;
  /** What the node can do, as it was found last; without it everything. */
  readonly node?: () => NodeVerdict | undefined;
  /** Without it the node is never taken for isolated. */
  readonly isolation?: Isolation;
  /** Called after each pass, with what it was to change and what came of it. */
  readonly onPass?: (plan: Plan, result: PassResult) => void;
}

export interface Agent {
  /** Why the agent does not do its work; nothing while it does. */
  unready(): string | undefined;
  /** Why the kernel cannot be asked to forget connections; nothing while it can. */
  unanswered(): string | undefined;
  /** Looks at the kernel now. */
  poke(): void;
  /** Ends everything but what is in the kernel. */
  stop(): Promise<void>;
}

/** Against what the kernel does not report. */
const POLL_MS = 30_000;
/** How long the first pass waits for the cluster's ranges before it does without them. */
const RANGES_PATIENCE_MS = 5000;

export function runAgent(options: AgentOptions): Agent {
  const { kube, kernel, clock, log, nodeName, nodeIp, uplink, namespace } = options;
  const announcers = Object.values(options.announcers);
  const started = clock.now();
  const acks = ackWriter(kube, clock, log, nodeName);
  const stale = flushing({
    clock,
    log,
    forgetConnections: (each) => kernel.forgetConnections(each),
    onChange: () => passes.trigger(),
  });
  const backoff = new Backoff(clock, { firstMs: 500, maxMs: 5_000 });
  const passes = runPasses({
    clock,
    pass,
    onFailure: (error) => {
      trouble = errorText(error);
      log("error", "a pass failed; it is tried again", { error });
      retryLater();
    },
  });
  let memory: ReadonlyMap<string, AddressMemory> = new Map();
  /** Whether the last pass put an address into a Pod. */
  let entered = false;
  /** Whether all that the kernel holds is remembered; before that it may be anything. */
  let looked = false;
  /** The API server has forgotten what it said. */
  let rewound = false;
  /** When nothing that was seen before counted. */
  let freshAt = -Infinity;
  let proxyDelayBefore: number | undefined;
  let trouble: string | undefined = "the first look at the kernel has not been taken yet";

  const read = (name: string): Promise<AddressBinding | undefined> => kube.get(RESOURCES.addressBindings, { name });
  const isolated = (): boolean => options.isolation?.isolated() === true;
  let wasIsolated = isolated();

  const onBinding = (change: Change<AddressBinding>): void => {
    told.outdated(change.key);
    doubted.onCached(change.key);
    if (!isEcho(change, nodeName, acks.heard)) passes.trigger();
    // Gone from a cache means only that it no longer names this node here.
    if (change.type === "delete") told.ask(change.key);
  };
  const bindings = (field: string): Reflector<AddressBinding> =>
    kube.reflect<AddressBinding>({
      resource: RESOURCES.addressBindings,
      fieldSelector: `${field}=${nodeName}`,
      onChange: onBinding,
      onSynced: passes.trigger,
      onRewound: () => (rewound = true),
    });
  const delivering = bindings("spec.nodeName");
  const releasing = bindings("spec.releasing.nodeName");
  const standbys = watchStandbys({ kube, clock, nodeName, onChange: passes.trigger });
  const ranges = watchRanges(kube, namespace, passes.trigger);
  const doubted = doubts({
    clock,
    log,
    nodeName,
    read,
    cached: (address) => delivering.get(address),
    onAnswer: passes.trigger,
  });
  const told = evidence({
    clock,
    log,
    read,
    isCached: (address) => (delivering.get(address) ?? releasing.get(address)) !== undefined,
    onAnswer: passes.trigger,
    onFailure: retryLater,
  });
  const unwatch = kernel.watch(passes.triggerSoon);
  const unwatchIsolation = options.isolation?.onChange(onIsolation);
  const unwatchMoved = options.isolation?.onMoved?.(onMoved);
  if (wasIsolated) passes.trigger();
  const cancelPatience = clock.after(RANGES_PATIENCE_MS, passes.trigger);

  function onIsolation(): void {
    if (isolated() === wasIsolated) return;
    wasIsolated = isolated();
    if (wasIsolated) {
      log("error", "this node hears nobody: it speaks for no address until it does");
      // At once; the proxy neighbours go with the next pass.
      for (const [address, { announced }] of memory) if (announced !== undefined) silence(address);
    } else {
      log("info", "this node hears others again: each address is read anew before the node speaks for it");
      doubted.begin([...delivering.values()].map(({ metadata }) => metadata.name));
    }
    passes.trigger();
  }

  /** The API server may be out of reach, and whoever moved them does not wait for ever. */
  function onMoved(addresses: readonly string[]): void {
    // One that no cache shows may hold an entry that an earlier life of this agent wrote and that arrived after it.
    for (const address of addresses) told.hint(address);
    const news = addresses.filter((address) => doubted.doubt(address, !looked || memory.has(address)));
    if (news.length === 0) return;
    log("warn", "these addresses are another node's by now: they are read anew before the node speaks for them", {
      addresses: news,
    });
    for (const address of news) silence(address);
    passes.trigger();
  }

  /** Also where it is not known which of them has spoken, or only about to. */
  function silence(address: string): void {
    for (const announcer of announcers) announcer.silence(address);
  }

  function retryLater(): void {
    passes.triggerAnewAt(clock.now() + backoff.nextMs());
  }

  async function pass(): Promise<void> {
    onIsolation();
    if (rewound) memory = withoutVersions(memory);
    rewound = false;
    const complete = delivering.synced && releasing.synced;
    // Silence does not wait for caches: the kernel holds what an earlier life of this agent left there.
    const quiet = isolated() || doubted.addresses.size > 0;
    if (!complete && !quiet) return;
    if (!ranges.synced && clock.now() - started < RANGES_PATIENCE_MS && !quiet) return;
    const unsupported = options.node?.()?.unsupported;
    if (unsupported !== undefined) return refuseAll(unsupported);
    const began = clock.now();
    const seen = shown();
    const { mine, going } = seen;
    // Together with what was shown: what becomes certain while the kernel is looked at may be that this was wrong.
    const unsure = [...doubted.addresses];
    const done = await program(complete, seen, unsure);
    if (done === undefined) return;
    const { observed, input, made, failed } = done;
    await announceAll(made, observed, failed);
    // After announcing, which clients wait for; before acknowledging, which promises that nothing old is left.
    for (const [address, message] of await stale.promised()) {
      failed.set(address, { reason: FailReason.KernelRefused, message });
    }
    memory = remember(input, made, failed);
    looked = true;
    acknowledge(made, mine, going, failed, input.evidence);
    stale.begin();
    for (const kind of made.ready) options.announcers[kind].getReady();
    logPass(log, made, failed);
    const askAt = told.inquire(made, input.evidence);
    for (const [address, { target }] of made.outcomes) {
      if (isEmpty(target) && !failed.has(address) && !stale.isPending(address)) told.forget(address);
    }
    trouble = undefined;
    const retry = made.retry || failed.size > 0;
    if (!retry) backoff.reset();
    passes.triggerAnewAt(Math.min(freshAt + POLL_MS, retry ? clock.now() + backoff.nextMs() : Infinity));
    passes.triggerAt(Math.min(made.wakeAt ?? Infinity, askAt));
    // Nothing reports what was changed inside a Pod, and its address is marked as ours only once it is seen there.
    const enters = failed.size === 0 && made.changes.steps.some(({ pods }) => pods.enter.length > 0);
    // Once: what does not stay there is looked at again with everything else.
    if (enters && !entered) passes.trigger();
    entered = enters;
    options.onPass?.(made, { seconds: (clock.now() - began) / 1000, failed: new Set(failed.keys()) });
  }

  /**
   * Looks, plans and changes the kernel; once more with a look of now where a remembered one does not do. Nothing when the
   * agent was stopped meanwhile.
   */
  async function program(complete: boolean, seen: Shown, unsure: readonly string[]) {
    const { mine, going, found } = seen;
    let fresh = passes.takeAnew();
    for (;;) {
      if (fresh) freshAt = clock.now();
      const observed = await observe(seen, fresh);
      if (passes.stopped) return undefined;
      const remembered = observed.remembered === true;
      fresh = true;
      proxyDelayBefore = observed.nft.proxyDelayBefore ?? (observed.uplink?.proxyDelay || proxyDelayBefore);
      const input: PlanInput = {
        nodeName,
        nodeIp,
        uplink,
        delivering: mine,
        releasing: going,
        standby: seen.standby,
        evidence: found,
        synced: complete && ranges.synced,
        clusterCidrs: cidrsOf(ranges),
        kernel: observed,
        proxyDelayBefore,
        memory,
        node: options.node?.(),
        isolated: isolated(),
        doubted: new Set([...unsure, ...doubted.addresses]),
        now: clock.now(),
      };
      const made = plan(input);
      if (remembered && isBadNews(made, [...mine, ...going], nodeName)) continue;
      const refused = await applied(made, remembered);
      if (refused === undefined) continue;
      const failed = new Map<string, Failure>();
      for (const [address, message] of refused) failed.set(address, { reason: FailReason.KernelRefused, message });
      for (const step of made.changes.steps) {
        if (!failed.has(step.address)) stale.note(step);
      }
      if (!remembered || failed.size === 0) return { observed, input, made, failed };
    }
  }

  async function observe({ mine, going, standby }: Shown, fresh: boolean): Promise<KernelState> {
    const next = [...standbysOn(standby, nodeName).values()].map(({ podIp }) => podIp);
    const needed = (kernelOf: KernelState | undefined): string[] =>
      hopsNeeded(mine, going, [...formerPods(going, memory, kernelOf, uplink), ...next]);
    const wanted = { pods: podsNeeded(mine), fresh, evidence: unprogrammed(mine, memory) };
    const found = await kernel.observe(needed(undefined), wanted);
    // An agent that was started anew learns of Pods that had addresses from the kernel alone.
    const all = needed(found);
    if (all.every((ip) => found.hops.has(ip))) return found;
    return { ...(await kernel.observe(all, wanted)), remembered: found.remembered };
  }

  /** What the caches say of this node, but for bindings of which the API server has said something newer. */
  function shown(): Shown {
    const { ahead } = doubted;
    const current = (reflector: Reflector<AddressBinding>): AddressBinding[] =>
      [...reflector.values()].filter(({ metadata }) => !ahead.has(metadata.name));
    const [mine, going, found] = [current(delivering), current(releasing), new Map(told.answers)];
    for (const [address, binding] of ahead) {
      if (binding !== "absent" && binding.spec.nodeName === nodeName) mine.push(binding);
      else if (binding !== "absent" && binding.spec.releasing?.nodeName === nodeName) going.push(binding);
      else found.set(address, binding);
    }
    return { mine, going, standby: standbys.current(), found };
  }

  /** All that can be done where the kernel cannot even be looked at. */
  function refuseAll(message: string): void {
    trouble = message;
    for (const binding of delivering.values()) {
      const reading = readBinding(binding);
      const { epoch, podUid = "" } = reading.ok
        ? { epoch: reading.binding.spec.epoch, podUid: reading.binding.spec.owner?.podUid }
        : reading;
      const reason = FailReason.NodeNotSupported;
      acks.say(binding, { nodeName, epoch, podUid, state: AckState.Failed, reason, message });
    }
    passes.triggerAnewAt(clock.now() + POLL_MS);
  }

  /** What was refused, by address; nothing where that may be because of what was remembered. */
  async function applied(made: Plan, remembered: boolean): Promise<ReadonlyMap<string, string> | undefined> {
    const { changes } = made;
    if (isNoChange(changes)) return new Map();
    try {
      return await kernel.apply(changes);
    } catch (error) {
      if (remembered) return undefined;
      if (changes.steps.length === 0) throw error;
      log("error", "the kernel refused what every address needs", { error });
      return new Map(changes.steps.map(({ address }) => [address, errorText(error)]));
    }
  }

  async function announceAll(made: Plan, observed: KernelState, failed: Map<string, Failure>): Promise<void> {
    for (const address of made.silence) silence(address);
    await Promise.all(
      [...made.announce]
        .filter(([address]) => !failed.has(address))
        .map(async ([address, by]) => {
          try {
            if (isolated()) throw new Error("this node hears nobody");
            await options.announcers[by].announce(address, observed.uplink);
          } catch (error) {
            const message = errorText(error);
            failed.set(address, { reason: FailReason.AnnouncementFailed, message });
          }
        }),
    );
  }

  function acknowledge(
    made: Plan,
    mine: readonly AddressBinding[],
    going: readonly AddressBinding[],
    failed: ReadonlyMap<string, Failure>,
    asked: ReadonlyMap<string, AddressBinding | "absent">,
  ): void {
    const shown = new Map([...going, ...mine].map((binding) => [binding.metadata.name, binding]));
    /** Of which there is, or soon will be, something to say. */
    const concerned = new Set<string>();
    for (const [name, outcome] of made.outcomes) {
      const found = asked.get(name);
      const binding = shown.get(name) ?? (found === "absent" ? undefined : found);
      const failure = failed.get(name);
      if (stale.isPending(name) || !isEmpty(outcome.target)) concerned.add(name);
      if (binding === undefined || stale.isPending(name)) continue;
      const outdated = outdatedAck(binding, memory.get(name), nodeName);
      if (outcome.ack !== undefined) acks.say(binding, ackFor(outcome.ack, failure));
      else if (outdated !== undefined) acks.say(binding, outdated, { onlyAsSeen: true });
      else if (outcome.withdrawAck === true && failure === undefined) acks.say(binding, "withdrawn");
      else continue;
      concerned.add(name);
    }
    if (!delivering.synced || !releasing.synced) return;
    acks.settle((name) => {
      if (concerned.has(name)) return "concerned";
      return shown.has(name) ? "named" : asked.get(name) === "absent" ? "gone" : "left";
    });
  }

  return {
    unready: () => {
      const waiting = [delivering, releasing].find((reflector) => !reflector.synced);
      if (waiting !== undefined) return `the bindings have not been read yet: ${waiting.lastError ?? "waiting"}`;
      return trouble;
    },
    unanswered: stale.unanswered,
    poke: passes.triggerAnew,
    stop: async () => {
      // There may be no agent after this one to take away what the node had got ready for.
      if (standbys.hurry()) await passes.last();
      const ended = passes.stop();
      for (const cancel of [cancelPatience, unwatch, unwatchIsolation, unwatchMoved]) cancel?.();
      doubted.stop();
      told.stop();
      for (const each of [delivering, releasing, standbys, ranges]) each.stop();
      acks.stop();
      for (const announcer of announcers) announcer.close();
      await ended;
      await stale.stop();
    },
  };
}

interface Shown {
  readonly mine: AddressBinding[];
  readonly going: AddressBinding[];
  readonly standby: PlanInput["standby"];
  readonly found: Map<string, AddressBinding | "absent">;
}

function ackFor(ack: BindingAck, failure: Failure | undefined): BindingAck {
  return failure === undefined ? ack : refusedAck(ack, failure.reason, failure.message);
}
