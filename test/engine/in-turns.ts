/** Runs jobs in the order in which they are given, so many at a time. */
export function inTurns(atOnce: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  const ended = (): void => {
    running--;
    waiting.shift()?.();
  };
  return async (job) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await job();
    } finally {
      ended();
    }
  };
}
