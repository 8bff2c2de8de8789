// Which address a reservation gets: always the same one for the same name, as far as it is free.
import { createHash } from "node:crypto";

import { addressToNumber } from "../../../lib/model/address";

/** The first free address of the range, from a place that the name decides. */
export function freeAddress(range: AddressRange, name: string, taken: ReadonlySet<string>): string {
  const { first, count } = hosts(range);
  const start = createHash("sha256").update(name).digest().readUInt32BE() % count;
  for (let i = 0; i < count; i++) {
    const address = toAddress(first + ((start + i) % count));
    if (!taken.has(address)) return address;
  }
  throw new Error(`the range ${range.cidr} is exhausted: all of its ${count} addresses are reserved`);
}

export interface AddressRange {
  /** For example `203.0.113.0/24`. */
  readonly cidr: string;
  /** Addresses that nobody may have: the first ones (network, gateway) and the last ones. */
  readonly keptFirst: number;
  readonly keptLast: number;
}

/** Of external addresses: those that documents are written with (RFC 5737). */
export const EXTERNAL: AddressRange = { cidr: "203.0.113.0/24", keptFirst: 1, keptLast: 1 };

/** Google keeps the first two and the last two addresses of a subnetwork's primary range. */
export const inSubnetwork = (cidr: string): AddressRange => ({ cidr, keptFirst: 2, keptLast: 2 });

/** All addresses of a brought prefix can be used. */
export const inPrefix = (cidr: string): AddressRange => ({ cidr, keptFirst: 0, keptLast: 0 });

function hosts({ cidr, keptFirst, keptLast }: AddressRange): { first: number; count: number } {
  const [base = "", bits = "32"] = cidr.split("/");
  const count = 2 ** (32 - Number(bits)) - keptFirst - keptLast;
  if (count < 1) throw new Error(`the range ${cidr} has no address for anybody`);
  return { first: addressToNumber(base) + keptFirst, count };
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
