// Whether a cable is in the socket, as the kernel sees it.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const INTERFACES = "/sys/class/net";

/**
 * Answers true while the interface is up and has a carrier, false when it has none, is down, or is gone after it was there;
 * undefined where nothing can be known of it.
 */
export function carrierOf(uplink: string, folder = INTERFACES): () => boolean | undefined {
  let seen = false;
  return () => {
    try {
      const up = readFileSync(join(folder, uplink, "carrier"), "latin1").trim() === "1";
      seen = true;
      return up;
    } catch (error) {
      // EINVAL: the interface is there, and down.
      const down = (error as NodeJS.ErrnoException).code === "EINVAL";
      seen ||= down;
      return seen ? false : undefined;
    }
  };
}
