// What controllers tell nodes in the heartbeats: addresses that others have by now. Which these are says the code that ships; who hears
// it, and when, is the world's.
import { MovedAway } from "../../controller-image/src/controller/moved";
import type { Peer } from "../../controller-image/src/liveness/message";
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import type { SimNode } from "./node";
import { Random } from "./random";
import type { World } from "./world";

/** A controller says it with the next question. */
const TOLD_AFTER_MS = [10, 200] as const;
/** An agent that runs and was told is silent after this time. */
const SILENT_AFTER_MS = 1_000;

export class MovedNews {
  readonly #random: Random;
  #pending = false;

  constructor(
    private readonly world: World,
    seed: number,
  ) {
    this.#random = new Random(seed ^ 0x707e);
  }

  /** To be called when a binding has changed. */
  look(): void {
    if (this.#pending || this.#news().length === 0) return;
    this.#pending = true;
    this.world.after(this.#random.between(...TOLD_AFTER_MS), () => {
      this.#pending = false;
      this.#tell();
      this.look();
    });
  }

  /** The nodes with something to be told, and what. */
  #news(): { readonly node: SimNode; readonly peers: readonly Peer[] }[] {
    const moved = new MovedAway();
    const bindings = this.world.server.list<AddressBinding>(RESOURCES.addressBindings);
    for (const binding of bindings) moved.note(binding.metadata.name, binding);
    return this.world.nodes.flatMap((node) => {
      const peers = moved.from(node.name);
      return peers.length > 0 ? { node, peers } : [];
    });
  }

  #tell(): void {
    const { processes, hearts } = this.world;
    const speaks = processes.controllers.some(
      (one) => one !== undefined && !one.process.paused && one.kube.connected && one.isLeading?.() === true,
    );
    if (!speaks) return;
    for (const { node, peers } of this.#news()) {
      const agent = processes.agents.get(node);
      if (agent === undefined || !hearts.answers(node)) continue;
      const addresses = peers.map(({ address }) => address);
      agent.process.run(() => hearts.tellMoved(node, addresses));
      this.#expectSilence(node, addresses);
    }
  }

  /**
   * From then on the node must not answer for them until it is given them again. Cannot see: a node that had the address by a binding
   * which was deleted and made anew since; it keeps what it has until the API server can be asked.
   */
  #expectSilence(node: SimNode, addresses: readonly string[]): void {
    const { world } = this;
    const { name, agentFineSince: fineSince } = node;
    const orders = addresses.map((address) => [address, world.checks.history.of(address).last] as const);
    if (fineSince === undefined) return;
    world.after(SILENT_AFTER_MS, () => {
      if (node.agentFineSince !== fineSince) return;
      for (const [address, last] of orders) {
        const had = world.checks.history.of(address).grants.findLast((grant) => grant.nodeName === name);
        if (last === undefined || last.nodeName === name || had?.bindingUid !== last.bindingUid) continue;
        node.outlawed.set(address, last.order);
      }
    });
  }
}
