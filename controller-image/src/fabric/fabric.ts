// What the agent tells the world outside the node. The kernel's own part (proxy neighbours) is in the plan; this is the
// part that speaks.

export interface Announcer {
  /**
   * Tells the fabric that the address is here now, and goes on telling for a while.
   *
   * @param mac hardware address of the uplink
   */
  announce(address: string, mac: string): Promise<void>;
  /** Says nothing more about the address. */
  silence(address: string): void;
  close(): void;
}
