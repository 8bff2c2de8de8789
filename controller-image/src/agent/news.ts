// What a pass may take from a look of before. A remembered look is good for good news: to say that an address cannot be
// served, or of which interface a Pod was programmed, the kernel is asked.
import { ackOf, AckState, type AddressBinding } from "../../../lib/model/binding";
import type { AddressMemory } from "./outcome";
import type { Plan } from "./plan";
import { readBinding } from "./reading";

/** Pod addresses that are programmed for the first time; from then on the interface that they have now is the Pod's. */
export function unprogrammed(
  delivering: readonly AddressBinding[],
  memory: ReadonlyMap<string, AddressMemory>,
): string[] {
  const pods = delivering.flatMap((binding): string[] => {
    const reading = readBinding(binding);
    if (!reading.ok || reading.binding.spec.owner === undefined) return [];
    const { epoch, owner } = reading.binding.spec;
    const known = memory.get(reading.name);
    const done = known?.bindingUid === binding.metadata.uid ? known?.programmed : undefined;
    return done?.epoch === epoch && done.podUid === owner.podUid ? [] : [owner.podIp];
  });
  return [...new Set(pods)];
}

/** Whether the plan says of an address that it fails, which its binding does not say yet. */
export function isBadNews({ outcomes }: Plan, bindings: readonly AddressBinding[], nodeName: string): boolean {
  const shown = new Map(bindings.map((binding) => [binding.metadata.name, binding]));
  return [...outcomes].some(([name, { ack }]) => {
    if (ack?.state !== AckState.Failed) return false;
    const binding = shown.get(name);
    const said = binding && ackOf(binding, nodeName);
    return said?.epoch !== ack.epoch || said.podUid !== ack.podUid || said.reason !== ack.reason;
  });
}
