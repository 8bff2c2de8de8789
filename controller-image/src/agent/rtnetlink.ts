// One message of rtnetlink that iproute2 has no words for. In a container that is not privileged /proc/sys is read-only,
// but the kernel takes an interface's IPv4 settings in a message as well, from whoever has NET_ADMIN
// (`IFLA_AF_SPEC`, `IFLA_INET_CONF`; linux/if_link.h and linux/ip.h, since Linux 2.6.38).
const RTM_SETLINK = 19;
const NLM_F_REQUEST = 1;
const IFLA_AF_SPEC = 26;
const AF_INET = 2;
const IFLA_INET_CONF = 1;
const ARP_ANNOUNCE = 18;

const HEADER_BYTES = 16;
const LINK_BYTES = 16;

/**
 * Sets `net.ipv4.conf.*.arp_announce` of an interface: with 2 it asks for its neighbours only in the name of an address
 * that is on their network, never in that of a persistent one.
 */
export function setArpAnnounce(ifindex: number, value: number): Buffer {
  const setting = attribute(ARP_ANNOUNCE, number32(value));
  const attributes = attribute(IFLA_AF_SPEC, attribute(AF_INET, attribute(IFLA_INET_CONF, setting)));
  const link = Buffer.alloc(LINK_BYTES);
  number32(ifindex).copy(link, 4);
  const length = HEADER_BYTES + LINK_BYTES + attributes.length;
  const header = Buffer.concat([
    number32(length),
    number16(RTM_SETLINK),
    number16(NLM_F_REQUEST),
    // Sequence and port: nobody waits for an answer.
    number32(0),
    number32(0),
  ]);
  return Buffer.concat([header, link, attributes]);
}

/** Payloads are multiples of four bytes here, so nothing has to be padded. */
function attribute(type: number, payload: Buffer): Buffer {
  return Buffer.concat([number16(4 + payload.length), number16(type), payload]);
}

export function number16(value: number): Buffer {
  return inHostOrder(Uint16Array.of(value));
}

export function number32(value: number): Buffer {
  return inHostOrder(Uint32Array.of(value));
}

/** Netlink speaks the order of the machine, and so do typed arrays. */
function inHostOrder(numbers: Uint16Array | Uint32Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
