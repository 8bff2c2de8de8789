// A cluster on the virtual network: watchers and agents as they ship, but without cryptography where hours pass.
import { IsolationDetector } from "../../controller-image/src/liveness/isolation";
import { type Message, NONCE_BYTES, type Peer } from "../../controller-image/src/liveness/message";
import { Responder } from "../../controller-image/src/liveness/responder";
import { type Verdict, Watcher } from "../../controller-image/src/liveness/watcher";
import { type Host, VirtualNetwork, type NetworkOptions } from "./virtual-network";

/** A number for a message, from chance as a clock gives it. */
export function nonceFrom(random: () => number): number {
  return Math.floor(random() * 2 ** (8 * NONCE_BYTES)) || 1;
}

export interface Heard extends Verdict {
  readonly at: number;
}

export interface ClusterOptions extends NetworkOptions {
  readonly nodes: number;
  /** How many of them have addresses. @default all */
  readonly owners?: number;
  /** Whether the agents watch for their own isolation. @default true */
  readonly detectors?: boolean;
  /** Whether a second controller stands by, on node 1. @default false */
  readonly standby?: boolean;
  /** What nodes are to be told, by name. @default nothing */
  readonly moved?: (nodeName: string) => readonly Peer[];
}

export const nodeName = (index: number): string => `node-${index}`;
export const nodeAddress = (index: number): string => `10.0.${index >> 8}.${index & 255}`;
/** The controller's Pod, on node 0. */
export const CONTROLLER = "10.200.0.2";
export const STANDBY = "10.200.0.3";

export interface AgentState {
  readonly host: Host<Message>;
  readonly detector: IsolationDetector;
  carrier: boolean | undefined;
  /** Whether the API server answers this node. */
  api: boolean;
  isolations: number;
  /** Addresses that it was told are another node's, each time. */
  readonly moved: string[];
}

export class Cluster {
  readonly network: VirtualNetwork<Message>;
  readonly verdicts: Heard[] = [];
  readonly agents: AgentState[] = [];
  readonly controller: Host<Message>;
  readonly watcher: Watcher;

  constructor(readonly options: ClusterOptions) {
    this.network = new VirtualNetwork<Message>(options);
    for (let index = 0; index < options.nodes; index++) this.agents.push(this.startAgent(index));
    this.controller = this.network.host(CONTROLLER);
    this.watcher = this.#startWatcher(this.controller, 0, (verdict) => {
      this.verdicts.push({ ...verdict, at: this.network.now });
    });
    // What it finds is not acted upon while the other one leads.
    if (options.standby === true) this.#startWatcher(this.network.host(STANDBY), 1, () => undefined).lead(false);
  }

  get lost(): string[] {
    const lost = new Set<string>();
    for (const verdict of this.verdicts) lost[verdict.lost ? "add" : "delete"](verdict.name);
    return [...lost];
  }

  /** The agent of a node, also the one after it was started anew. */
  startAgent(index: number): AgentState {
    const { network } = this;
    const host = network.host(nodeAddress(index));
    const nonce = (): number => nonceFrom(network.random);
    const responder = new Responder({ nodeName: nodeName(index), boot: nonce(), nonce });
    const detector = new IsolationDetector();
    const state: AgentState = { host, detector, carrier: true, api: true, isolations: 0, moved: [] };
    host.receive = (message, from) => {
      const { now } = network;
      const reaction = message.type === "probe" ? responder.probed(message, now) : responder.answered(message, now);
      if (reaction.answer !== undefined) host.send(from, reaction.answer);
      for (const { to, probe } of reaction.probes) host.send(to.address, probe);
      for (const { name, address } of reaction.knock) host.knock(address, () => responder.knocked(name, network.now));
      const { controller, peer, moved = [] } = reaction;
      state.moved.push(...moved);
      if (controller !== undefined) detector.controllerHeard(now, controller);
      if (peer !== undefined) detector.peerHeard(now);
    };
    const tick = (): void => {
      host.clock.after(0.1, () => {
        const before = detector.cause;
        const { probe, askApi, waitMs } = detector.tick(network.now, state.carrier);
        for (const peer of probe) host.send(peer.address, responder.probe(peer, network.now));
        if (askApi && state.api) detector.apiHeard(network.now);
        if (before === undefined && detector.cause !== undefined) state.isolations++;
        host.clock.after(waitMs, tick);
      });
    };
    if (this.options.detectors !== false) tick();
    return state;
  }

  #startWatcher(host: Host<Message>, on: number, onVerdict: (verdict: Verdict) => void): Watcher {
    const { network, options } = this;
    const nonce = (): number => nonceFrom(network.random);
    const watcher = new Watcher({
      ownNode: nodeName(on),
      boot: nonce(),
      nonce,
      random: network.random,
      moved: options.moved,
    });
    watcher.lead(true);
    watcher.watch(
      this.agents.map((_, index) => ({
        name: nodeName(index),
        address: nodeAddress(index),
        owns: index < (options.owners ?? options.nodes),
      })),
    );
    host.receive = (message) => void (message.type === "answer" && watcher.heard(message));
    const tick = (): void => {
      const { send, knock, waitMs } = watcher.tick(network.now);
      for (const { to, probe } of send) host.send(to.address, probe);
      for (const { name, address } of knock) host.knock(address, () => watcher.knocked(name));
      host.clock.after(0.1, () => {
        for (const verdict of watcher.judge()) onVerdict(verdict);
      });
      host.clock.after(waitMs, tick);
    };
    host.clock.after(0, tick);
    return watcher;
  }

  /** Runs until every node has been heard. */
  settle(): this {
    if (this.network.runUntil(() => this.watcher.counts.answering === this.agents.length, 20_000) === undefined) {
      throw new Error(`not every node was heard: ${JSON.stringify(this.watcher.counts)}`);
    }
    this.network.run(2_000);
    return this;
  }

  powerOff(index: number): void {
    this.agents[index]!.host.off = true;
  }
}
