// Gratuitous ARP frames: "this address is at this hardware address", unasked (RFC 826, RFC 5227 §3).
import { isIPv4 } from "../../../lib/model/address";

/** The shortest Ethernet frame without its check sum; shorter ones are dropped by some switches. */
export const ARP_FRAME_BYTES = 60;

const BROADCAST = "ff:ff:ff:ff:ff:ff";
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const REQUEST = 1;
const REPLY = 2;

/** A request and a reply: some neighbours learn from the one only, some from the other. */
export function gratuitousArp(address: string, mac: string): Buffer {
  return Buffer.concat([frame(REQUEST, address, mac, "00:00:00:00:00:00"), frame(REPLY, address, mac, BROADCAST)]);
}

function frame(operation: number, address: string, mac: string, target: string): Buffer {
  if (!isIPv4(address))
    throw new Error(`ARP frame: got address ${JSON.stringify(address)}; it must be one IPv4 address`);
  if (!MAC.test(mac))
    throw new Error(`ARP frame: got hardware address ${JSON.stringify(mac)}; it must be like 02:00:00:00:00:01`);
  const ip = Buffer.from(address.split(".").map(Number));
  const parts = [
    hardware(BROADCAST),
    hardware(mac),
    // ARP; Ethernet and IPv4, 6 and 4 bytes long.
    Buffer.from([0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4, 0, operation]),
    hardware(mac),
    ip,
    hardware(target),
    ip,
  ];
  return Buffer.concat(parts, ARP_FRAME_BYTES);
}

const hardware = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");
