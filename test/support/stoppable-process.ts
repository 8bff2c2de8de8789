// A process as its machine treats it: it can be stopped, as a debugger or a starved machine does, while time, the network
// and every other process go on. Its timers, answers and watch events wait for it; what it has sent goes on its way.
import type { Clock, Kube } from "../../controller-image/src/kube/api";
import type { VirtualClock } from "./virtual-clock";

export class StoppableProcess {
  #waiting: (() => void)[] | undefined;

  constructor(private readonly time: VirtualClock) {}

  stop(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    waiting.forEach((act) => act());
  }

  get clock(): Clock {
    return {
      now: () => this.time.now(),
      wallTime: () => this.time.wallTime(),
      random: () => this.time.random(),
      after: (ms, callback) => {
        let cancelled = false;
        const cancel = this.time.after(ms, () => this.#do(() => void (cancelled || callback())));
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  /** The API server as this process reaches it: each request takes that long, and each answer does. */
  kube(kube: Kube, delayMs: () => number): Kube {
    const slowly = async <T>(request: () => Promise<T>): Promise<T> => {
      await new Promise<void>((resolve) => this.time.after(delayMs(), resolve));
      const answer = request();
      answer.catch(() => undefined);
      await new Promise<void>((resolve) => this.time.after(delayMs(), () => this.#do(resolve)));
      return answer;
    };
    return {
      get: (...args) => slowly(() => kube.get(...args)),
      create: (...args) => slowly(() => kube.create(...args)),
      replace: (...args) => slowly(() => kube.replace(...args)),
      mergePatch: (...args) => slowly(() => kube.mergePatch(...args)),
      apply: (...args) => slowly(() => kube.apply(...args)),
      delete: (...args) => slowly(() => kube.delete(...args)),
      reflect: (options) =>
        kube.reflect({
          ...options,
          onChange: (change) => this.#do(() => options.onChange(change)),
          onSynced: () => this.#do(() => options.onSynced?.()),
        }),
      close: () => kube.close(),
    };
  }

  #do(act: () => void): void {
    if (this.#waiting === undefined) act();
    else this.#waiting.push(act);
  }
}
