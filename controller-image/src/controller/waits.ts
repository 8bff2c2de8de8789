// What only time or an agent can bring, and for how long it has been waited for.
import { isInterfaceGone, isLed, isLedFabric, isReleased, type AddressBinding } from "../../../lib/model/binding";
import type { Clock } from "../kube/api";

export class Waits {
  /** By address: what has been waited for, and since when. */
  readonly #since = new Map<string, { readonly what: string; readonly at: number }>();

  constructor(private readonly clock: Clock) {}

  /** @param binding of the address as it is now */
  note(address: string, binding: AddressBinding | undefined): void {
    const what = binding && waitedFor(binding);
    if (what === undefined) this.#since.delete(address);
    else if (this.#since.get(address)?.what !== what) this.#since.set(address, { what, at: this.clock.now() });
  }

  ms(address: string, binding: AddressBinding | undefined): number {
    const waiting = this.#since.get(address);
    // The watch may still be behind a write of ours: what was waited for before it says nothing about what is now.
    if (waiting === undefined || binding === undefined || waiting.what !== waitedFor(binding)) return 0;
    return this.clock.now() - waiting.at;
  }
}

/** A text that differs for each wait; undefined when nothing is waited for. */
function waitedFor(binding: AddressBinding): string | undefined {
  const { epoch, releasing, owner, fabric } = binding.spec;
  if (isInterfaceGone(binding)) return `interface ${epoch}`;
  // The patience with the node before begins when nothing arrives there any more.
  if (owner !== undefined && !isLed(binding)) return `lead ${epoch}`;
  if (releasing !== undefined && !isReleased(binding)) {
    // However often the address has moved on since: the node has had its time. What is led arrives there until it is led elsewhere.
    return isLedFabric(fabric) ? `release ${epoch}` : `release ${releasing.nodeName} ${releasing.epoch}`;
  }
  return owner === undefined ? `forwarders ${epoch}` : undefined;
}
