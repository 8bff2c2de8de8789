// A node hears its own acknowledgements again, as changes of the bindings that they are in. They are no news to it, and a look at
// everything for each of them would be half of what a node does in a move.
import { isDeepStrictEqual } from "node:util";
import { type AddressBinding, ackOf, type BindingAck } from "../../../lib/model/binding";
import type { Change } from "../kube/api";
import { readBinding } from "./reading";

/**
 * Whether the only difference is this node's acknowledgement, and that says what the node wants it to say.
 *
 * @param heard is told of the acknowledgement, and answers whether that is so
 */
export function isEcho(
  change: Change<AddressBinding>,
  nodeName: string,
  heard: (binding: AddressBinding, ack: BindingAck) => boolean,
): boolean {
  if (change.type !== "set" || change.old === undefined) return false;
  const [before, after] = [change.old, change.object].map((binding) => essence(binding, nodeName));
  const said = after?.mine;
  if (before === undefined || after === undefined || said === undefined) return false;
  return isDeepStrictEqual(before.others, after.others) && heard(change.object, said);
}

/** All that a pass reads, and apart from it what this node says; nothing of a binding that cannot be read. */
function essence(object: AddressBinding, nodeName: string) {
  const reading = readBinding(object);
  if (!reading.ok) return undefined;
  const { metadata, spec, status } = reading.binding;
  const { uid, deletionTimestamp } = metadata;
  const acks = (status?.acks ?? []).filter((ack) => ack.nodeName !== nodeName);
  return { mine: ackOf(reading.binding, nodeName), others: { uid, deletionTimestamp, spec, acks } };
}
