import { addressToNumber, parseAddress } from "./address";
import { isKnown, LATER, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/**
 * Reads a list of addresses as users write them and reports everything that is wrong with it.
 *
 * @returns the bare addresses, `LATER` where one is not known yet or was reported
 */
export function checkAddresses(
  what: string,
  given: readonly MaybeLater<string>[],
  problems: Problems,
): readonly MaybeLater<string>[] {
  const firstAt = new Map<string, number>();
  return given.map((text, index) => {
    if (!isKnown(text)) return LATER;
    const field = `${what}[${index}]`;
    const address = checkAddress(field, text, problems);
    if (address === undefined) return LATER;
    const earlier = firstAt.get(address);
    if (earlier === undefined) {
      firstAt.set(address, index);
      return address;
    }
    problems.add(field, text, `that is ${what}[${earlier}] already, list each address once`);
    return LATER;
  });
}

function checkAddress(field: string, text: string, problems: Problems): string | undefined {
  const address = typeof text === "string" ? parseAddress(text) : undefined;
  if (address === undefined) {
    problems.add(field, text, addressHint(text));
    return undefined;
  }
  if (!isUnicast(address)) {
    problems.add(field, text, "no host can have that address, use a unicast address");
    return undefined;
  }
  return address;
}

function addressHint(text: unknown): string {
  if (typeof text === "string") {
    const several = text.split(/[\s,;]+/).filter((part) => parseAddress(part) !== undefined);
    if (several.length > 1) return "that is several addresses in one text, make each an entry of the list";
    const bare = parseAddress(text.trim().split(/[/:]/)[0] ?? "");
    if (bare !== undefined) return `use one address, for example "${bare}" or "${bare}/32"`;
    if (text.includes(":")) return "persistent addresses are IPv4 only, use an IPv4 address";
  }
  if (text === undefined || text === null) {
    return "pass one IPv4 address; where it is that of a resource in a test, let the mocks answer with its address";
  }
  return 'use one IPv4 address, for example "198.51.100.7"';
}

/** Neither "this network" (0.0.0.0/8), nor loopback, nor multicast and above (RFC 6890). */
function isUnicast(address: string): boolean {
  const firstOctet = Math.floor(addressToNumber(address) / 2 ** 24);
  return firstOctet !== 0 && firstOctet !== 127 && firstOctet < 224;
}
