// Announcer `arp`: gratuitous ARP on the uplink. Node.js has no packet sockets, so one `socat` stays open and turns every
// 60 bytes on its standard input into one frame (it needs NET_RAW).
import type { Child, Commands } from "./commands";
import type { Clock, Log } from "../kube/api";
import { ARP_FRAME_BYTES, gratuitousArp } from "./arp";
import type { Announcer } from "./fabric";

/** A lost announcement costs seconds to minutes, depending on the neighbour; a repeated one costs 120 bytes. */
export const REPEAT_AFTER_MS: readonly number[] = [1000, 5000, 30_000];

/** A repetition that is later than this is left out. */
const LATE_MS = 500;

export interface L2Options {
  readonly uplink: string;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly log: Log;
}

export function l2Announcer(options: L2Options): Announcer {
  const { clock, log } = options;
  const repeats = new Map<string, () => void>();
  const pipe = framePipe(options);

  const repeatLater = (address: string, mac: string, index: number): void => {
    const at = REPEAT_AFTER_MS[index];
    if (at === undefined) return void repeats.delete(address);
    const wait = at - (REPEAT_AFTER_MS[index - 1] ?? 0);
    const due = clock.now() + wait;
    const cancel = clock.after(wait, () => {
      // After a standstill of this process the address may be somebody else's by now; the agent finds out first.
      if (clock.now() - due < LATE_MS) {
        pipe.send(gratuitousArp(address, mac)).catch((error: unknown) => {
          log("warn", "a repeated ARP announcement was not sent", { address, error });
        });
      }
      repeatLater(address, mac, index + 1);
    });
    repeats.set(address, cancel);
  };

  return {
    getReady: () => pipe.open(),
    announce: async (address, uplink) => {
      if (uplink === undefined) throw new Error(`there is no interface "${options.uplink}"; set --uplink`);
      const { mac } = uplink;
      repeats.get(address)?.();
      repeatLater(address, mac, 0);
      await pipe.send(gratuitousArp(address, mac));
    },
    silence: (address) => {
      repeats.get(address)?.();
      repeats.delete(address);
    },
    close: () => {
      for (const cancel of repeats.values()) cancel();
      repeats.clear();
      pipe.close();
    },
  };
}

interface FramePipe {
  /** Starts what sends, which can take ten times as long as sending; not again once it has ended. */
  open(): void;
  /** Resolves when the frames are handed over. */
  send(frames: Buffer): Promise<void>;
  close(): void;
}

/** Started with the first frame if not before, and again with the next one after it has ended. */
function framePipe({ uplink, commands, log }: L2Options): FramePipe {
  let child: Child | undefined;
  let hasEnded = false;
  let last: Promise<void> = Promise.resolve();
  let failPending = (_why: string): void => undefined;

  const start = (): Child => {
    const started = commands.start(["socat", "-u", "-b", String(ARP_FRAME_BYTES), "STDIN", `INTERFACE:${uplink}`]);
    let said = "";
    started.stderr.on("data", (chunk: Buffer) => (said = chunk.toString().trim()));
    started.onExit((why) => {
      if (child !== started) return;
      child = undefined;
      hasEnded = true;
      failPending(`socat on ${uplink} ended: ${said || why}`);
      log("warn", "socat ended; the next announcement starts it again", { uplink, why, said });
    });
    return started;
  };

  const write = (frames: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      failPending = (why) => reject(new Error(why));
      const { stdin } = (child ??= start());
      stdin.write(frames, (error) => (error ? reject(error) : resolve()));
    });

  return {
    open: () => {
      if (!hasEnded) child ??= start();
    },
    send: (frames) => {
      // One write at a time: two that the system joins and splits elsewhere would shift every later frame.
      const sent = last.then(() => write(frames));
      last = sent.catch(() => undefined);
      return sent;
    },
    close: () => {
      const ending = child;
      child = undefined;
      hasEnded = true;
      ending?.kill();
    },
  };
}
