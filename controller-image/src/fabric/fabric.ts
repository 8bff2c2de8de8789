// What the agent tells the world outside the node. The kernel's own part (proxy neighbours) is in the plan; this is the
// part that speaks.
import type { AnnouncerKind } from "../../../lib/model/binding";

/** The interface of the node on which addresses arrive. */
export interface Uplink {
  /** Its hardware address. */
  readonly mac: string;
}

/** Does nothing before it is told to announce an address, or to get ready for it. */
export interface Announcer {
  /** The node may have to take an address over, and its clients will wait for the first word. May be said again and again. */
  getReady(): void;
  /**
   * Tells the fabric that the address is here now, and goes on telling for a while.
   *
   * @param uplink as it is now; undefined where there is none
   */
  announce(address: string, uplink: Uplink | undefined): Promise<void>;
  /** Says nothing more about the address, of which it may never have said anything. */
  silence(address: string): void;
  close(): void;
}

export type Announcers = Readonly<Record<AnnouncerKind, Announcer>>;
