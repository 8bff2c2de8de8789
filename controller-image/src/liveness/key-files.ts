// The keys as an agent has them: files of a Secret in its Pod. The kubelet replaces a whole folder by one symbolic link, which
// no watch of the files sees; so the link is read again and again.
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { HeartbeatKey } from "../../../lib/model/runtime";
import type { Clock, Log } from "../kube/api";
import { type Key, keyOf, type Keys } from "./seal";

const LOOK_EVERY_MS = 2_000;

export interface KeyFiles {
  /** Undefined while there are none, as before the controller has made them. */
  keys(): Keys | undefined;
  stop(): void;
}

export function keyFiles(folder: string, clock: Clock, log: Log): KeyFiles {
  let keys: Keys | undefined;
  let readFrom: string | undefined;
  let cancel = (): void => undefined;

  const look = (): void => {
    // The kubelet's link; what is read through its target belongs together whatever happens meanwhile.
    const place = resolved(join(folder, "..data")) ?? resolved(folder);
    if (place !== readFrom || keys === undefined) {
      const found = place === undefined ? undefined : keysIn(place);
      // A Secret that was deleted takes nothing away from those who have read it.
      if (found !== undefined) {
        log("info", "the heartbeat keys were read", { present: found.present.id, other: found.other?.id });
        [keys, readFrom] = [found, place];
      }
    }
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  look();
  return { keys: () => keys, stop: () => cancel() };
}

function keysIn(folder: string): Keys | undefined {
  const present = keyIn(join(folder, HeartbeatKey.Present));
  return present === undefined ? undefined : { present, other: keyIn(join(folder, HeartbeatKey.Other)) };
}

function keyIn(file: string): Key | undefined {
  try {
    return keyOf(readFileSync(file));
  } catch {
    // Not there yet.
    return undefined;
  }
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
