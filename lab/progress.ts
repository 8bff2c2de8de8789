// What a person watches while parts are built and a cluster starts. On a terminal each running step is one live line;
// in a log each step is a line when it starts to take long, a sign of life every half minute, and a line when it ends.

export interface Progress {
  /**
   * Shows one step while `work` runs, and how long it took. Steps may run at the same time.
   *
   * @param name what is worked on, for example `kube-apiserver`
   * @param doing what happens to it; `update` replaces it, and the last text is what stays on the screen
   */
  step<T>(name: string, doing: string, work: (update: (doing: string) => void) => Promise<T>): Promise<T>;
  /** One line that stays. */
  note(line: string): void;
}

export interface ProgressScreen {
  write(text: string): void;
  /** Undefined or false: a log, without live lines. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface Running {
  readonly name: string;
  readonly since: number;
  doing: string;
  announced: number;
}

const NAME_WIDTH = 26;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** A step in a log is announced only when it is not over at once, so that a warm run stays short. */
const QUIET_MS = 1_000;
const SIGN_OF_LIFE_MS = 30_000;

/** @param now milliseconds, from any fixed point */
export function progressOn(
  screen: ProgressScreen = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  const running = new Set<Running>();
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;
  let live = "";

  const clear = (): void => {
    if (live !== "") screen.write("\r\x1b[2K");
    live = "";
  };
  const keep = (line: string): void => {
    clear();
    screen.write(`${line}\n`);
  };
  const tick = (): void => {
    if (screen.isTTY) {
      frame = (frame + 1) % FRAMES.length;
      const text = [...running]
        .map((step) => `${step.name}: ${step.doing}, ${seconds(now() - step.since)}`)
        .join(" · ");
      // One column is left free: a full line would wrap, and a wrapped line cannot be taken back.
      const line = `${FRAMES[frame]} ${text}`.slice(0, Math.max(10, (screen.columns ?? 80) - 1));
      screen.write(`\r\x1b[2K${line}`);
      live = line;
      return;
    }
    for (const step of running) {
      const lasted = now() - step.since;
      if (lasted >= (step.announced === 0 ? QUIET_MS : step.announced + SIGN_OF_LIFE_MS)) {
        keep(`… ${columns(step.name, step.doing, lasted)}`);
        step.announced = lasted;
      }
    }
  };
  const start = (): void => {
    timer ??= setInterval(tick, screen.isTTY ? 120 : 250).unref();
  };
  const end = (step: Running, mark: string, text: string): void => {
    running.delete(step);
    keep(`${mark} ${columns(step.name, text, now() - step.since)}`);
    if (running.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };

  return {
    async step(name, doing, work) {
      const step: Running = { name, doing, since: now(), announced: 0 };
      running.add(step);
      start();
      try {
        const result = await work((text) => (step.doing = text));
        end(step, "✓", step.doing);
        return result;
      } catch (error) {
        end(step, "✗", firstLine(error));
        throw error;
      }
    },
    note: (line) => keep(line),
  };
}

/** Shows nothing: for callers that only want the result. */
export const silent: Progress = { step: (_name, _doing, work) => work(() => {}), note: () => {} };

function columns(name: string, text: string, lastedMs: number): string {
  return `${name.padEnd(NAME_WIDTH)} ${text.padEnd(44)} ${seconds(lastedMs).padStart(8)}`;
}

function seconds(ms: number): string {
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}
