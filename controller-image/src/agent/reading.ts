// Reading a binding without trusting it: one that is malformed concerns only itself, and what passes is safe to put into
// commands for the kernel.
import { addressToNumber, isIPv4 } from "../../../lib/model/address";
import { type AddressBinding, type BindingAck, Delivery, Fabric } from "../../../lib/model/binding";

export type Reading =
  | { readonly ok: true; readonly name: string; readonly binding: AddressBinding }
  | {
      readonly ok: false;
      readonly name: string;
      readonly epoch: number;
      readonly podUid: string;
      readonly problem: string;
    };

type Json = Readonly<Record<string, unknown>>;

const json = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

/** Objects of a cache are replaced and never changed; a pass reads each of them several times, and there are many passes. */
const READ = new WeakMap<AddressBinding, Reading>();

/**
 * Total: whatever the object is, the answer is a reading or a problem that a person understands.
 *
 * @param object not to be changed any more
 */
export function readBinding(object: AddressBinding): Reading {
  if (typeof object !== "object" || object === null) return readAnew(object);
  let reading = READ.get(object);
  if (reading === undefined) READ.set(object, (reading = readAnew(object)));
  return reading;
}

function readAnew(object: AddressBinding): Reading {
  const name = String(json(json(object).metadata).name ?? "");
  const spec = json(json(object).spec);
  const owner = spec.owner === undefined || spec.owner === null ? undefined : json(spec.owner);
  const problem =
    specProblem(name, spec) ??
    (owner && ownerProblem(owner)) ??
    releaseProblem(spec.releasing) ??
    leadProblem(spec.led);
  if (problem === undefined) return { ok: true, name, binding: withSoundAcks(withSoundStandby(withoutNulls(object))) };
  const epoch = isEpoch(spec.epoch) ? spec.epoch : 0;
  return { ok: false, name, epoch, podUid: typeof owner?.podUid === "string" ? owner.podUid : "", problem };
}

/** Null says the same as nothing, in whatever form it came. */
function withoutNulls(binding: AddressBinding): AddressBinding {
  const { owner, releasing, led, ...rest } = binding.spec;
  if (owner !== null && releasing !== null && led !== null) return binding;
  return {
    ...binding,
    spec: { ...rest, ...(owner && { owner }), ...(releasing && { releasing }), ...(led && { led }) },
  };
}

/** Who could take over is a hint, and one that cannot be read must not keep the owner from its address. */
function withSoundStandby(binding: AddressBinding): AddressBinding {
  const { standby, ...rest } = binding.spec as AddressBinding["spec"] & { readonly standby?: unknown };
  if (standby === undefined) return binding;
  const { nodeName, podName, podUid, podIp } = json(standby);
  const texts = [nodeName, podName, podUid, podIp].every((text) => typeof text === "string" && text !== "");
  return texts && isIPv4(podIp as string) ? binding : { ...binding, spec: rest };
}

/** One agent's acknowledgement that cannot be read must not keep the others' from being read. */
function withSoundAcks(binding: AddressBinding): AddressBinding {
  const { status } = binding as { readonly status?: unknown };
  if (status === undefined) return binding;
  const { acks } = json(status);
  if (acks === undefined || (Array.isArray(acks) && acks.every(isAck)))
    return status === null ? without(binding) : binding;
  return Array.isArray(acks) ? { ...binding, status: { acks: acks.filter(isAck) } } : without(binding);
}

function without({ status: _status, ...rest }: AddressBinding): AddressBinding {
  return rest;
}

function isAck(value: unknown): value is BindingAck {
  const { nodeName, epoch, podUid, state } = json(value);
  return [nodeName, podUid, state].every((text) => typeof text === "string") && typeof epoch === "number";
}

function specProblem(name: string, spec: Json): string | undefined {
  if (typeof spec.address !== "string" || !isIPv4(spec.address)) {
    return wrong("spec.address", spec.address, "one IPv4 address");
  }
  if (spec.address !== name) return wrong("spec.address", spec.address, `the object's name, ${JSON.stringify(name)}`);
  const number = addressToNumber(spec.address);
  const reserved = RESERVED.find(([, , first, last]) => first <= number && number <= last);
  if (reserved !== undefined)
    return wrong("spec.address", spec.address, `an address outside ${reserved[0]}, ${reserved[1]}`);
  if (!isEpoch(spec.epoch)) return wrong("spec.epoch", spec.epoch, "a whole number from 1");
  if (typeof spec.nodeName !== "string") return wrong("spec.nodeName", spec.nodeName, "the name of a node, or empty");
  if (!oneOf(Delivery, spec.delivery)) return wrong("spec.delivery", spec.delivery, Object.values(Delivery).join(", "));
  if (!oneOf(Fabric, spec.fabric)) return wrong("spec.fabric", spec.fabric, Object.values(Fabric).join(", "));
  return undefined;
}

function ownerProblem(owner: Json): string | undefined {
  if (typeof owner.podUid !== "string" || owner.podUid === "") {
    return wrong("spec.owner.podUid", owner.podUid, "the UID of a Pod");
  }
  if (typeof owner.podIp !== "string" || !isIPv4(owner.podIp)) {
    return wrong("spec.owner.podIp", owner.podIp, "the IPv4 address of the Pod");
  }
  return undefined;
}

function releaseProblem(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const { nodeName, epoch, forwardTo } = json(value);
  if (typeof nodeName !== "string") return wrong("spec.releasing.nodeName", nodeName, "the name of a node");
  if (typeof epoch !== "number") return wrong("spec.releasing.epoch", epoch, "a whole number");
  if (typeof forwardTo !== "string" || (forwardTo !== "" && !isIPv4(forwardTo))) {
    return wrong("spec.releasing.forwardTo", forwardTo, "the IPv4 address of the new node, or empty");
  }
  return undefined;
}

function leadProblem(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const { nodeName, epoch } = json(value);
  if (typeof nodeName !== "string") return wrong("spec.led.nodeName", nodeName, "the name of a node");
  if (!isEpoch(epoch)) return wrong("spec.led.epoch", epoch, "a whole number from 1");
  return undefined;
}

/** Ranges that can be no persistent address, whatever the API says (RFC 6890). */
const RESERVED = (
  [
    ["0.0.0.0/8", "this network"],
    ["127.0.0.0/8", "loopback"],
    ["169.254.0.0/16", "link-local"],
    ["224.0.0.0/3", "multicast and reserved"],
  ] as const
).map(([cidr, what]) => [cidr, what, ...rangeOf(cidr)] as const);

/** First and last address, as numbers. */
function rangeOf(cidr: string): readonly [first: number, last: number] {
  const [base = "", bits = "32"] = cidr.split("/");
  const first = addressToNumber(base);
  return [first, first + 2 ** (32 - Number(bits)) - 1];
}

const isEpoch = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

const oneOf = (allowed: Readonly<Record<string, string>>, value: unknown): boolean =>
  Object.values(allowed).includes(value as string);

const wrong = (field: string, got: unknown, want: string): string =>
  `${field}: got ${got === undefined ? "nothing" : JSON.stringify(got)}; it must be ${want}`;

/** Of several versions of one binding the one with the highest epoch, then the newest. */
export function newest(bindings: readonly AddressBinding[]): Map<string, Reading> {
  const chosen = new Map<string, { reading: Reading; rank: Rank }>();
  for (const binding of bindings) {
    const reading = readBinding(binding);
    const version = Number(json(json(binding).metadata).resourceVersion ?? 0) || 0;
    // What is left equal is unreadable; its text decides, so that the order in which it came never does.
    const text = reading.ok ? "" : JSON.stringify(reading);
    const rank = [reading.ok ? 1 : 0, reading.ok ? reading.binding.spec.epoch : reading.epoch, version, text];
    const known = chosen.get(reading.name);
    if (known === undefined || isHigher(rank, known.rank)) chosen.set(reading.name, { reading, rank });
  }
  return new Map([...chosen].map(([name, { reading }]) => [name, reading]));
}

/** Order among the versions of all objects of one name; 0 where the object does not say. */
export function versionOf({ metadata }: AddressBinding): number {
  return Number(metadata.resourceVersion ?? 0) || 0;
}

type Rank = readonly (number | string)[];

function isHigher(a: Rank, b: Rank): boolean {
  const index = a.findIndex((value, i) => value !== b[i]);
  return index >= 0 && (a[index] ?? 0) > (b[index] ?? 0);
}

/** Ascending by number, so that `.9` comes before `.10` everywhere; a name that is no address comes after all that are. */
export function byAddress(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  return left === right ? (a < b ? -1 : a > b ? 1 : 0) : left - right;
}

function rankOf(name: string): number {
  const number = addressToNumber(name);
  return Number.isNaN(number) ? Infinity : number;
}
