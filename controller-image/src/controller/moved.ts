// Addresses of which a former node has not said that it has let go, though nobody waits for that any more. It may be cut off from the
// API server alone, serve on, and not know: the heartbeats tell it.
import { AckState, isLedFabric, isReleased, mayAnnounce, type AddressBinding } from "../../../lib/model/binding";
import { isPeer, type Peer } from "../liveness/message";
import { SetIndex } from "./set-index";

export class MovedAway {
  /** By address, where there is something to tell. */
  readonly #told = new Map<string, { readonly to: Peer; readonly former: readonly string[] }>();
  readonly #byFormer = new SetIndex();

  /** @param binding of the address as it is now */
  note(address: string, binding: AddressBinding | undefined): void {
    for (const name of this.#told.get(address)?.former ?? []) this.#byFormer.remove(name, address);
    this.#told.delete(address);
    if (binding === undefined) return;
    const former = formerNodes(binding);
    if (former.length === 0) return;
    this.#told.set(address, { to: { name: binding.spec.nodeName, address }, former });
    for (const name of former) this.#byFormer.add(name, address);
  }

  /** What the node is to be told: addresses that it had, each with the node that has it now. */
  from(nodeName: string): readonly Peer[] {
    return this.#byFormer.get(nodeName).flatMap((address) => this.#told.get(address)?.to ?? []);
  }
}

/** The one that is let go of, and those from before it: of them the binding says no more than what they said themselves. */
function formerNodes(binding: AddressBinding): readonly string[] {
  const { address, nodeName, epoch, releasing, owner, fabric } = binding.spec;
  // What is led goes where the cloud takes it, whoever speaks for it.
  if (owner === undefined || isLedFabric(fabric) || !isPeer({ name: nodeName, address })) return [];
  const former = new Set<string>();
  for (const ack of binding.status?.acks ?? []) {
    const serves = ack.state === AckState.Announced || ack.state === AckState.Programmed;
    if (serves && ack.epoch < epoch) former.add(ack.nodeName);
  }
  if (releasing !== undefined) {
    if (mayAnnounce(binding) && !isReleased(binding)) former.add(releasing.nodeName);
    else former.delete(releasing.nodeName);
  }
  former.delete(nodeName);
  return [...former];
}
