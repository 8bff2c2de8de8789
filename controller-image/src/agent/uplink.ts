// The interface of the node on which addresses arrive.
import { networkInterfaces } from "node:os";

/** What interface names Linux accepts, less what would have a meaning in a command. */
export const INTERFACE_NAME = /^[A-Za-z0-9_.@-]{1,15}$/;

/** The interface that has the node's address now, where that is another than the uplink; an address that is nowhere may come back. */
export function movedTo(nodeIp: string, uplink: string, interfaces = networkInterfaces()): string | undefined {
  const stays = interfaces[uplink]?.some(({ address }) => address === nodeIp);
  return stays ? undefined : uplinkOf(nodeIp, interfaces);
}

/** The interface that has the node's address. */
export function uplinkOf(nodeIp: string, interfaces = networkInterfaces()): string | undefined {
  const found = Object.entries(interfaces).find(([, addresses]) =>
    addresses?.some(({ address }) => address === nodeIp),
  );
  return found?.[0];
}
