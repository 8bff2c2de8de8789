// Addresses whose former node has not said that it has let go, though nobody waits for that any more. It may be cut off from the API
// server alone, serve on, and not know: the heartbeats tell it.
import { isLedFabric, isReleased, mayAnnounce, type AddressBinding } from "../../../lib/model/binding";
import { isPeer, type Peer } from "../liveness/message";

/** By the former node: each address with the node that has it now. */
export function movedAway(bindings: Iterable<AddressBinding>): ReadonlyMap<string, readonly Peer[]> {
  const found = new Map<string, Peer[]>();
  for (const binding of bindings) {
    const { address, nodeName, owner, releasing, fabric } = binding.spec;
    if (releasing === undefined || owner === undefined || releasing.nodeName === nodeName) continue;
    // What is led goes where the cloud takes it, whoever speaks for it.
    if (isLedFabric(fabric) || !mayAnnounce(binding) || isReleased(binding)) continue;
    const peer = { name: nodeName, address };
    if (!isPeer(peer)) continue;
    const known = found.get(releasing.nodeName);
    if (known === undefined) found.set(releasing.nodeName, [peer]);
    else known.push(peer);
  }
  return found;
}
