// Persistent addresses: one IPv4 /32 each. Gateway and GKEIPRoute write them as `a.b.c.d/32` with the type below;
// everything inside podpin writes the bare `a.b.c.d`.

/** The address type that GKE reads on Gateways and GKEIPRoutes. The prefix really is `gke.networking.io`. */
export const CIDR_ADDRESS_TYPE = "gke.networking.io/cidr";

/** An entry of `spec.addresses` of a Gateway or a GKEIPRoute. */
export interface TypedAddress {
  readonly type?: string;
  readonly value?: string;
}

const OCTET = "(?:0|[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-5])";
/** One IPv4 address in its only canonical spelling (no leading zeros), as a pattern for schemas too. */
export const IPV4_PATTERN = `^${OCTET}(?:\\.${OCTET}){3}$`;
const IPV4 = new RegExp(IPV4_PATTERN);

/** Whether the text is one IPv4 address in its only canonical spelling (no leading zeros). */
export function isIPv4(text: string): boolean {
  return IPV4.test(text);
}

/** The bare address of `a.b.c.d/32`; undefined for every other text. This is how strict GKE's own reading is. */
export function addressOfCidr(value: string): string | undefined {
  const bare = value.endsWith("/32") ? value.slice(0, -3) : undefined;
  return bare !== undefined && isIPv4(bare) ? bare : undefined;
}

/** The bare address of `a.b.c.d` or `a.b.c.d/32`, as users may write it in programs. */
export function parseAddress(text: string): string | undefined {
  return isIPv4(text) ? text : addressOfCidr(text);
}

/** How Gateways and routes write an address. */
export function typedAddress(address: string): { type: string; value: string } {
  return { type: CIDR_ADDRESS_TYPE, value: `${address}/32` };
}

/** The address as a number, for comparing and for range checks; NaN where the text has anything but digits and dots. */
export function addressToNumber(address: string): number {
  let sum = 0;
  let octet = 0;
  // By hand, because agents and controllers compare and sort addresses all the time.
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 46) {
      sum = sum * 256 + octet;
      octet = 0;
    } else if (code >= 48 && code <= 57) octet = octet * 10 + code - 48;
    else return Number.NaN;
  }
  return sum * 256 + octet;
}

/** Whether an address lies in a CIDR such as `10.0.0.0/8`. */
export function cidrContains(cidr: string, address: string): boolean {
  const [base = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(addressToNumber(base) / size) === Math.floor(addressToNumber(address) / size);
}

/** Whether the text is an IPv4 CIDR whose host bits are zero. */
export function isIPv4Cidr(text: string): boolean {
  const [base = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isIPv4(base) || !/^(?:\d|[12]\d|3[0-2])$/.test(bits)) return false;
  return addressToNumber(base) % 2 ** (32 - Number(bits)) === 0;
}

/** The first address of the range in which an address such as 10.9.0.1/14 lies, with its size; undefined where the text is something else. */
export function baseOfCidr(text: string): string | undefined {
  const [address = "", bits = ""] = String(text).split("/");
  if (!isIPv4(address)) return undefined;
  const size = 2 ** (32 - Number(bits));
  const base = `${numberToAddress(Math.floor(addressToNumber(address) / size) * size)}/${bits}`;
  return isIPv4Cidr(base) ? base : undefined;
}

/** The address that {@link addressToNumber} makes this number of. */
export function numberToAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

/**
 * How many addresses of a subnetwork's primary range nobody can have: the first two and the last two.
 *
 * @see https://cloud.google.com/vpc/docs/subnets
 */
export const RESERVED_IN_PRIMARY_RANGE = 4;

/** Whether Google Cloud keeps an address of a subnetwork's primary range: the network's, the gateway's, the last two. */
export function isReservedInPrimaryRange(range: string, address: string): boolean {
  const [base = "", prefix] = range.split("/");
  const offset = addressToNumber(address) - addressToNumber(base);
  return offset < 2 || offset >= 2 ** (32 - Number(prefix)) - 2;
}
