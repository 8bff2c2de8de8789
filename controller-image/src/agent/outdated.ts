// What the API server says of an address may be from before what this node has done for it: the server was restored from a backup.
// The node does nothing by it, and says which epoch it has acted for; the controller goes on above whatever is acknowledged.
import { ackOf, AckState, type AddressBinding, type BindingAck, FailReason } from "../../../lib/model/binding";
import type { AddressMemory } from "./outcome";
import { readBinding } from "./reading";

/** What the node has to say of a binding that is older than what it remembers; nothing where it is not, or says so already. */
export function outdatedAck(
  object: AddressBinding,
  memory: AddressMemory | undefined,
  nodeName: string,
): BindingAck | undefined {
  const reading = readBinding(object);
  if (!reading.ok || memory === undefined || memory.bindingUid !== object.metadata.uid) return undefined;
  const { epoch } = reading.binding.spec;
  if (epoch >= memory.epoch) return undefined;
  const message = `spec.epoch: got ${epoch}; this node has acted for ${memory.epoch} already, so the API server was restored from a backup. Nothing is done for an epoch that is not higher`;
  const ack: BindingAck = {
    nodeName,
    epoch: memory.epoch,
    podUid: "",
    state: AckState.Failed,
    reason: FailReason.EpochOutdated,
    message,
  };
  const said = ackOf(reading.binding, nodeName);
  return said !== undefined && said.epoch >= memory.epoch ? said : ack;
}

/** Versions are of no use for comparisons any more; epochs are. */
export function withoutVersions(memory: ReadonlyMap<string, AddressMemory>): ReadonlyMap<string, AddressMemory> {
  return new Map([...memory].map(([address, known]) => [address, { ...known, version: 0 }]));
}
