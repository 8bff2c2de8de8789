// Ends what is still running when this process ends, however it ends. (When it is killed outright, its children are
// ended by the kernel, see `tied` in process.ts, and the next lab's sweep removes the rest.)
export interface Guarded {
  /** Called on Ctrl-C and SIGTERM, with the event loop running. */
  stop(): Promise<void>;
  /** Called at exit, when only synchronous code still runs. */
  stopSync(): void;
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
const guarded = new Set<Guarded>();
let installed = false;

export function guard(one: Guarded): void {
  guarded.add(one);
  if (installed) return;
  installed = true;
  process.on("exit", stopAllSync);
  for (const [signal, number] of Object.entries(SIGNALS)) {
    let asked = false;
    process.on(signal, () => {
      // Who presses Ctrl-C twice does not want to wait.
      if (asked) process.exit(128 + number);
      asked = true;
      void Promise.allSettled([...guarded].map((each) => each.stop())).then((outcomes) => {
        for (const outcome of outcomes) if (outcome.status === "rejected") complain(outcome.reason);
        // Somebody else who listens to this signal decides when the process ends.
        if (process.listenerCount(signal) === 1) process.exit(128 + number);
      });
    });
  }
}

export function release(one: Guarded): void {
  guarded.delete(one);
}

function stopAllSync(): void {
  for (const one of [...guarded]) {
    guarded.delete(one);
    try {
      one.stopSync();
    } catch (error) {
      complain(error);
    }
  }
}

function complain(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}
