// Whether a cable is in the socket, as the kernel sees it.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const INTERFACES = "/sys/class/net";
/** The interface is not there, or is just going. */
const GONE = new Set(["ENOENT", "ENODEV"]);

/**
 * Answers true while the interface is up and has a carrier, false when it has none, is down, or is gone after it was there;
 * undefined where nothing can be known of it.
 */
export function carrierOf(uplink: string, folder = INTERFACES): () => boolean | undefined {
  let known: boolean | undefined;
  return () => {
    try {
      known = readFileSync(join(folder, uplink, "carrier"), "latin1").trim() === "1";
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      // EINVAL: the interface is there, and down. Without a file descriptor to spare nothing can be asked, and nothing has changed.
      if (code === "EINVAL" || (GONE.has(code) && known !== undefined)) known = false;
    }
    return known;
  };
}
