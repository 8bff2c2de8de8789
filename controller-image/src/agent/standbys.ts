// The addresses that this node would have to take over: bindings that name a Pod of it as standby. It gets ready for them, and
// has nothing of them. It does its work as well without knowing them.
import { type AddressBinding, type AnnouncerKind, FABRICS } from "../../../lib/model/binding";
import { isIPv4 } from "../../../lib/model/address";
import { RESOURCES } from "../../../lib/model/kubernetes";
import type { Clock, Kube } from "../kube/api";
import { newest } from "./reading";

export interface StandbysOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly nodeName: string;
  /** What has to be got ready is another. */
  readonly onChange: () => void;
}

export interface Standbys {
  current(): readonly AddressBinding[] | "unknown";
  /** Keeps nothing for a moment longer; answers whether it did. */
  hurry(): boolean;
  stop(): void;
}

/** An API server whose definition of AddressBinding lacks the field never gives a list. */
const PATIENCE_MS = 60_000;
/**
 * A node that takes an address over sees that it is the standby no more, and in another watch that it is the owner. In between it
 * must not undo what it has got ready.
 */
const LINGER_MS = 10_000;
/** What the node has to take over now comes first. */
const READY_LATER_MS = 100;

export function watchStandbys({ kube, clock, nodeName, onChange }: StandbysOptions): Standbys {
  const started = clock.now();
  let leftAt = -Infinity;
  let cancelLeft: (() => void) | undefined;
  let cancelReady: (() => void) | undefined;
  const reflector = kube.reflect<AddressBinding>({
    resource: RESOURCES.addressBindings,
    fieldSelector: `spec.standby.nodeName=${nodeName}`,
    onChange: (change) => {
      if (change.type === "delete") {
        leftAt = clock.now();
        cancelLeft?.();
        cancelLeft = clock.after(LINGER_MS, onChange);
        // Nor anything to be done before: a look now would be in the way of the one for the address that the node may have got.
        return;
      }
      // What others acknowledge is no news here.
      if (podOf(change.object) === (change.old && podOf(change.old))) return;
      // The first of those that come together: a stream of them puts nothing off.
      cancelReady ??= clock.after(READY_LATER_MS, () => {
        cancelReady = undefined;
        onChange();
      });
    },
    onSynced: onChange,
  });
  const lingers = (): boolean => clock.now() - leftAt < LINGER_MS;
  return {
    current: () => {
      const bindings = [...reflector.values()];
      if (bindings.length > 0) return bindings;
      const known = reflector.synced || clock.now() - started >= PATIENCE_MS;
      return known && !lingers() ? [] : "unknown";
    },
    hurry: () => {
      const did = lingers();
      leftAt = -Infinity;
      return did;
    },
    stop: () => {
      cancelLeft?.();
      cancelReady?.();
      reflector.stop();
    },
  };
}

/** For whatever could stand there. */
function podOf({ spec }: AddressBinding): unknown {
  return spec?.standby?.podIp;
}

/** As they were read; `unknown` while that is not known to be all. */
type Known = readonly AddressBinding[] | "unknown" | undefined;

/** What is got ready for an address: the Pod of this node that could take it over, and what would have to announce it then. */
export interface Standby {
  readonly podIp: string;
  readonly announcer?: AnnouncerKind;
}

/** By address. */
export function standbysOn(known: Known, nodeName: string): ReadonlyMap<string, Standby> {
  const readings = known === undefined || known === "unknown" ? [] : newest(known).values();
  return new Map(
    [...readings].flatMap((reading): [string, Standby][] => {
      if (!reading.ok) return [];
      const { standby, fabric } = reading.binding.spec;
      if (standby?.nodeName !== nodeName || !isIPv4(standby.podIp)) return [];
      return [[reading.name, { podIp: standby.podIp, announcer: FABRICS[fabric].announcer }]];
    }),
  );
}
