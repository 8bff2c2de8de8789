// Fabric `none`: the user's own routing brings packets to the node, so there is nobody to tell.
import type { Announcer } from "./fabric";

export const silentAnnouncer: Announcer = {
  announce: () => Promise.resolve(),
  silence: () => undefined,
  close: () => undefined,
};
