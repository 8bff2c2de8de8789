// Addresses of which a former node has not said that it has let go, though nobody waits for that any more. It may be cut off from the
// API server alone, serve on, and not know: the heartbeats tell it.
import { AckState, isLedFabric, isReleased, mayAnnounce, type AddressBinding } from "../../../lib/model/binding";
import { isPeer, type Peer } from "../liveness/message";

/** By the former node: each address with the node that has it now. */
export function movedAway(bindings: Iterable<AddressBinding>): ReadonlyMap<string, readonly Peer[]> {
  const found = new Map<string, Peer[]>();
  for (const binding of bindings) {
    const { address, nodeName, owner, fabric } = binding.spec;
    // What is led goes where the cloud takes it, whoever speaks for it.
    if (owner === undefined || isLedFabric(fabric)) continue;
    const peer = { name: nodeName, address };
    if (!isPeer(peer)) continue;
    for (const former of formerNodes(binding)) {
      const known = found.get(former);
      if (known === undefined) found.set(former, [peer]);
      else known.push(peer);
    }
  }
  return found;
}

/** The one that is let go of, and those from before it: of them the binding says no more than what they said themselves. */
function formerNodes(binding: AddressBinding): ReadonlySet<string> {
  const { nodeName, epoch, releasing } = binding.spec;
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
  return former;
}
