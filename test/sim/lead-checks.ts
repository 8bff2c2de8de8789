// The invariants of a fabric that is led, from what the bindings have said and where the cloud really takes the packets: the kernel
// first, then the cloud, then the node before lets go; and nobody says that packets arrive where they do not.
import { type AddressBinding, isLed } from "../../lib/model/binding";
import type { Grant, History } from "./history";

export interface LeadWorld {
  now(): number;
  /** The node that gets a packet for the address. */
  leadsTo(address: string): string | undefined;
  /** Whether that is what somebody's call made of it who leads no more. */
  isLate(address: string): boolean;
  fail(invariant: number, text: string): void;
}

export class LeadChecks {
  /** By address: orders of the epochs for which the packets have gone to the owner's node. */
  readonly #led = new Map<string, Set<number>>();
  /** Since when the binding says so, by address and order. */
  readonly #saidSince = new Map<string, number>();

  constructor(
    private readonly world: LeadWorld,
    private readonly history: History,
    private readonly addresses: readonly string[],
  ) {}

  // 4: the kernel comes before the cloud. Cannot see: what was programmed and taken away again since, also in an epoch before; the
  // cloud takes its time, and others may have had the address meanwhile.
  onLead(address: string, nodeName: string | undefined): void {
    this.#mark(address);
    if (nodeName === undefined) return;
    const had = this.#grantsOf(address, nodeName);
    const last = had.at(-1);
    if (last === undefined) return this.world.fail(1, `the cloud leads ${address} to ${nodeName}, which never had it`);
    if (had.some(({ programmed }) => programmed)) return;
    // An address that its node cannot deliver goes along with the others of its route, if nobody before still serves it.
    const along = this.addresses.some((other) =>
      this.#grantsOf(other, nodeName).some(({ programmed, route }) => programmed && route === last.route),
    );
    if (!last.unwaited || !along) {
      this.world.fail(4, `the cloud leads ${address} to ${nodeName} before the kernel there delivers`);
    }
  }

  // 5: a binding says that the packets go to its node only if they do, or have since its epoch began. Cannot see: what a call has just
  // made of it that somebody sent who leads no more.
  onBinding(before: AddressBinding | undefined, after: AddressBinding | undefined): void {
    const address = (after ?? before)?.metadata.name ?? "";
    this.#mark(address);
    const last = this.history.of(address).last;
    if (after?.spec.led === undefined || after.spec.owner === undefined || last === undefined || !isLed(after)) return;
    const key = `${address} ${last.order}`;
    if (this.#saidSince.has(key)) return;
    this.#saidSince.set(key, this.world.now());
    if (!this.hasArrived(last)) {
      const to = this.world.leadsTo(address) ?? "nowhere";
      this.world.fail(5, `${address}: led to ${after.spec.led.nodeName}, says the binding; the cloud leads to ${to}`);
    }
  }

  /** Since when the binding has said that the packets go to the owner's node. */
  saidSince({ address, order }: Grant): number | undefined {
    return this.#saidSince.get(`${address} ${order}`);
  }

  /** Whether the packets have gone to the owner's node, or whoever says so cannot know better. */
  hasArrived({ address, order }: Grant): boolean {
    return this.#led.get(address)?.has(order) === true || this.world.isLate(address);
  }

  // 2: who still gets the packets goes on serving while its Pod lives. Cannot see: what a call leads to of somebody who leads no more.
  onLetsGo(address: string, nodeName: string): void {
    if (this.world.leadsTo(address) !== nodeName || this.world.isLate(address)) return;
    this.world.fail(2, `${nodeName} ${address}: let go of a living Pod while the cloud still leads the packets there`);
  }

  #mark(address: string): void {
    const last = this.history.of(address).last;
    if (last === undefined || last.podUid === undefined || this.world.leadsTo(address) !== last.nodeName) return;
    const orders = this.#led.get(address) ?? new Set();
    this.#led.set(address, orders.add(last.order));
  }

  /** Epochs in which the node had the address, oldest first. */
  #grantsOf(address: string, nodeName: string): readonly Grant[] {
    return this.history.of(address).grants.filter((grant) => grant.nodeName === nodeName);
  }
}
