// Counters, gauges and histograms in Prometheus' text format, and nothing else of it.
import type { Clock } from "./api";

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  /** @param by not negative; @default 1 */
  add(labels?: Labels, by?: number): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** A reading of a gauge: its value, and the labels that tell it from the gauge's other ones. */
export type Reading = readonly [value: number, labels?: Labels];

/** From a millisecond to ten seconds, for anything that waits for the API server. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Series {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

const NAME = /^[a-z_][a-z0-9_]*$/;

export class Metrics {
  readonly #blocks = new Map<string, () => string[]>();

  /** @param name ends with `_total` */
  counter(name: string, help: string): Counter {
    const values = new Map<string, number>();
    this.#register(name, help, "counter", () => [...values].map(([labels, value]) => `${name}${labels} ${value}`));
    return {
      add: (labels = {}, by = 1) => {
        const key = labelText(labels);
        values.set(key, (values.get(key) ?? 0) + by);
      },
    };
  }

  /** @param read asked at each scrape */
  gauge(name: string, help: string, read: () => Iterable<Reading>): void {
    this.#readings(name, help, "gauge", read);
  }

  /** A counter that somebody else keeps. */
  counted(name: string, help: string, read: () => Iterable<Reading>): void {
    this.#readings(name, help, "counter", read);
  }

  /** @param bounds upper bounds of the buckets, ascending */
  histogram(name: string, help: string, bounds: readonly number[] = SECONDS): Histogram {
    const all = new Map<string, Series>();
    this.#register(name, help, "histogram", () => [...all.values()].flatMap((series) => lines(name, bounds, series)));
    return {
      observe: (value, labels = {}) => {
        const key = labelText(labels);
        const series = all.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0, count: 0 };
        all.set(key, series);
        const bucket = bounds.findIndex((bound) => value <= bound);
        if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
        series.sum += value;
        series.count++;
      },
    };
  }

  /** What /metrics answers. */
  text(): string {
    return [...this.#blocks.values()].flatMap((block) => block()).join("\n") + "\n";
  }

  #readings(name: string, help: string, type: "gauge" | "counter", read: () => Iterable<Reading>): void {
    this.#register(name, help, type, () =>
      [...read()].map(([value, labels = {}]) => `${name}${labelText(labels)} ${numberText(value)}`),
    );
  }

  #register(name: string, help: string, type: string, body: () => string[]): void {
    if (!NAME.test(name)) throw new Error(`metric ${JSON.stringify(name)}: use small letters, digits and _`);
    if (this.#blocks.has(name)) throw new Error(`metric ${name} is there already`);
    const head = [`# HELP ${name} ${escape(help)}`, `# TYPE ${name} ${type}`];
    this.#blocks.set(name, () => [...head, ...body()]);
  }
}

function lines(name: string, bounds: readonly number[], { labels, counts, sum, count }: Series): string[] {
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}`;
  });
  const text = labelText(labels);
  return [
    ...buckets,
    `${name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`,
    `${name}_sum${text} ${sum}`,
    `${name}_count${text} ${count}`,
  ];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

const LAG_EVERY_MS = 250;

/** The process itself, under the names that every Prometheus client uses; answers what ends the watch of the event loop. */
export function processMetrics(metrics: Metrics, clock: Clock, version: string): () => void {
  const startSeconds = clock.wallTime() / 1000 - process.uptime();
  metrics.gauge("podpin_build_info", "1; the label says which version runs.", () => [[1, { version }]]);
  metrics.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", () => [
    [startSeconds],
  ]);
  metrics.gauge("process_resident_memory_bytes", "Memory that the process occupies.", () => [
    [process.memoryUsage.rss()],
  ]);
  metrics.counted("process_cpu_seconds_total", "Processor time used, user and system.", () => {
    const { user, system } = process.cpuUsage();
    return [[(user + system) / 1e6]];
  });
  const lag = metrics.histogram(
    "podpin_event_loop_lag_seconds",
    "How much later than asked a timer fired: how long anything else had to wait for the processor.",
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
  );
  let cancel = (): void => undefined;
  const measure = (): void => {
    const dueAt = clock.now() + LAG_EVERY_MS;
    cancel = clock.after(LAG_EVERY_MS, () => {
      lag.observe(Math.max(0, clock.now() - dueAt) / 1000);
      measure();
    });
  };
  measure();
  return () => cancel();
}
