// Which address a reservation or a VM gets: always the same one for the same name, as far as it is free.
import { createHash } from "node:crypto";

import { addressToNumber, numberToAddress } from "../../lib/model/address";

export interface AddressRange {
  /** For example `203.0.113.0/24`. */
  readonly cidr: string;
  /** Addresses that nobody may have: the first ones (network, gateway) and the last ones. */
  readonly keptFirst: number;
  readonly keptLast: number;
}

export const external = (cidr: string): AddressRange => ({ cidr, keptFirst: 1, keptLast: 1 });
/** Google keeps the first two and the last two addresses of a subnetwork's primary range. */
export const inSubnetwork = (cidr: string): AddressRange => ({ cidr, keptFirst: 2, keptLast: 2 });
/** All addresses of a brought prefix can be used. */
export const inPrefix = (cidr: string): AddressRange => ({ cidr, keptFirst: 0, keptLast: 0 });

/** The first free address of the range, from a place that the name decides; undefined when there is none. */
export function freeAddress(
  range: AddressRange,
  name: string,
  isTaken: (address: string) => boolean,
): string | undefined {
  const { first, count } = hosts(range);
  const start = createHash("sha256").update(name).digest().readUInt32BE() % Math.max(1, count);
  for (let i = 0; i < count; i++) {
    const address = numberToAddress(first + ((start + i) % count));
    if (!isTaken(address)) return address;
  }
  return undefined;
}

export function isUsable(range: AddressRange, address: string): boolean {
  const { first, count } = hosts(range);
  const number = addressToNumber(address);
  return number >= first && number < first + count;
}

function hosts({ cidr, keptFirst, keptLast }: AddressRange): { first: number; count: number } {
  const [base = "", bits = "32"] = cidr.split("/");
  const count = 2 ** (32 - Number(bits)) - keptFirst - keptLast;
  return { first: addressToNumber(base) + keptFirst, count: Math.max(0, count) };
}
