// What the kernel reports of nftables, read as it comes. `nft monitor` first reads every rule of the node and keeps them: beside a
// kube-proxy with 5,000 Services and 20,000 rules of iptables that was 6 s of a processor and 155 MB, against 4 MB and next to none.
import { endianness } from "node:os";

import { FORWARD_CHAIN } from "./forward";
import { number16, number32 } from "./rtnetlink";
import { NFT_TABLE } from "./state";

/** Room for what a kube-proxy that writes its whole table anew makes the kernel say at once (`SO_RCVBUFFORCE`). */
const ROOM_BYTES = 16_777_216;
/** Above what the kernel puts into one datagram; the rest of a longer one would be lost. */
const DATAGRAM_BYTES = 131_072;
const NFTABLES_GROUP = 7;

const hex = (bytes: Buffer): string => `x${bytes.toString("hex")}`;
/** `struct sockaddr_nl` behind its family: padding, the port that the kernel chooses, the groups. */
const ADDRESS = hex(Buffer.concat([number16(0), number32(0), number32(1 << (NFTABLES_GROUP - 1))]));

/** AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER; SOL_SOCKET, SO_RCVBUFFORCE. It ends when something was missed. */
export const NFT_MONITOR = [
  "socat",
  "-u",
  "-b",
  String(DATAGRAM_BYTES),
  `SOCKET-RECV:16:3:12:${ADDRESS},setsockopt-listen=1:33:${hex(number32(ROOM_BYTES))}`,
  "STDOUT",
];

const HEADER_BYTES = 16;
/** `struct nlmsghdr` and `struct nfgenmsg`. */
const HEADERS_BYTES = HEADER_BYTES + 4;
const NFTABLES = 10;
const AF_INET = 2;
const NAME_OF_TABLE = 1;
const LAST_NAME = 3;
/** NFT_MSG_DEL…: a table, a chain, a rule, a set, elements of one, an object, a flowtable; with the attribute that names the chain. */
const DELETED: ReadonlyMap<number, number | undefined> = new Map([
  [2, undefined],
  [5, 3],
  [8, 2],
  [11, undefined],
  [14, undefined],
  [20, undefined],
  [24, undefined],
]);
const [, FORWARD_TABLE, FORWARD_NAME] = FORWARD_CHAIN;

/**
 * Answers of each piece of what is read whether something went from a table of ours or from the chain that our rule is in. Deletions
 * only: our own changes are known, and kube-proxy adds by the thousand.
 */
export function deletionsOfOurs(): (piece: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    let concerns = false;
    let bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (bytes.length >= HEADER_BYTES) {
      const length = isLittle ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0);
      // Where no message can begin it is not known what was said.
      if (length < HEADER_BYTES || length > DATAGRAM_BYTES) {
        rest = Buffer.alloc(0);
        return true;
      }
      if (bytes.length < length) break;
      concerns ||= isOfOurs(bytes.subarray(0, length));
      bytes = bytes.subarray(aligned(length));
    }
    rest = bytes;
    return concerns;
  };
}

function isOfOurs(message: Buffer): boolean {
  const type = read16(message, 4);
  if (type >> 8 !== NFTABLES || !DELETED.has(type & 0xff)) return false;
  const names = namesIn(message);
  const table = names.get(NAME_OF_TABLE);
  if (table === NFT_TABLE) return true;
  const chain = names.get(DELETED.get(type & 0xff) ?? 0);
  return message[HEADER_BYTES] === AF_INET && table === FORWARD_TABLE && chain === FORWARD_NAME;
}

/** The first attributes of a message, which are its names, as text. */
function namesIn(message: Buffer): Map<number, string> {
  const names = new Map<number, string>();
  for (let at = HEADERS_BYTES; at + 4 <= message.length;) {
    const [length, attribute] = [read16(message, at), read16(message, at + 2)];
    if (length < 4 || attribute > LAST_NAME) break;
    names.set(attribute, message.toString("latin1", at + 4, at + length - 1));
    at += aligned(length);
  }
  return names;
}

const isLittle = endianness() === "LE";
const read16 = (bytes: Buffer, at: number): number => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
const aligned = (length: number): number => (length + 3) & ~3;
