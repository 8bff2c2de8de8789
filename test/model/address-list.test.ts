import { checkAddresses } from "../../lib/model/address-list";
import { Problems } from "../../lib/model/problems";

const said = (text: string): string | undefined => {
  const problems = new Problems();
  checkAddresses("addresses", [text], problems);
  return problems.lines[0];
};

const ONE = 'use one address, for example "198.51.100.7" or "198.51.100.7/32"';
const SEVERAL = "that is several addresses in one text, make each an entry of the list";
const IPV4_ONLY = "persistent addresses are IPv4 only, use an IPv4 address";

test.each([
  ["a range", "198.51.100.7/24", ONE],
  ["an address with a port", "198.51.100.7:443", ONE],
  ["an address with a space", " 198.51.100.7", ONE],
  ["addresses with commas", "198.51.100.7,198.51.100.8/32", SEVERAL],
  ["addresses with spaces", "198.51.100.7 198.51.100.8", SEVERAL],
  ["an IPv6 address", "2001:db8::1", IPV4_ONLY],
  ["an IPv6 address that ends in an IPv4 one", "::ffff:198.51.100.7", IPV4_ONLY],
  ["a name", "db.example.com", 'use one IPv4 address, for example "198.51.100.7"'],
])("says of %s what is meant", (_, text, want) => {
  expect(said(text)).toBe(`addresses[0]: got ${JSON.stringify(text)}; ${want}`);
});
