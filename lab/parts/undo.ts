// What must be undone when the process ends in the middle of something: on failure, on Ctrl-C, on `process.exit`.
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const undos = new Set<() => void>();

/**
 * Runs `work`; if it fails, or the process is told to end before it is done, `undo` runs. `undo` is synchronous, since
 * nothing else runs when a process exits.
 */
export async function orUndo<T>(undo: () => void, work: () => Promise<T>): Promise<T> {
  const once = (): void => {
    if (undos.delete(once)) undo();
    if (undos.size === 0) unwatch();
  };
  if (undos.size === 0) watch();
  undos.add(once);
  try {
    const result = await work();
    undos.delete(once);
    return result;
  } catch (error) {
    once();
    throw error;
  } finally {
    if (undos.size === 0) unwatch();
  }
}

/** The newest first: a process is killed before the folder that it writes into is removed. */
function undoAll(): void {
  for (const undo of [...undos].reverse()) undo();
}

function onSignal(signal: NodeJS.Signals): void {
  undoAll();
  unwatch();
  // Whoever else listens decides how the process ends; where nobody does, it ends as if we had not listened either.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function watch(): void {
  process.on("exit", undoAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function unwatch(): void {
  process.off("exit", undoAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}
