// By what a node tells the network that it has got an address, one line for each kind.
import { AnnouncerKind } from "../../../lib/model/binding";
import type { Announcers } from "./fabric";
import { l2Announcer, type L2Options } from "./l2";

export function announcersOf(parts: L2Options): Announcers {
  return { [AnnouncerKind.Arp]: l2Announcer(parts) };
}
