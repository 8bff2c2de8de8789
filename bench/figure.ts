// What a measurement says, and how it is shown.

/** One line of the table and of `.bench/results.json`. */
export interface Figure {
  /** Id of the bench, for example `P8`. */
  readonly id: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** The same measured on the bare framework in the same run; null where there is nothing to compare with. */
  readonly floor: number | null;
  /** What `value` may be at most, in `unit`; null for a figure that is only shown. */
  readonly goal: number | null;
  readonly ok: boolean;
}

/** A bench: its figures, and the single samples behind them. */
export interface Measured {
  readonly figures: readonly Figure[];
  readonly raw: unknown;
}

export interface Bench {
  readonly id: string;
  readonly title: string;
  /** @param report one line that says what is measured now */
  measure(report: (doing: string) => void): Promise<Measured>;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}

/** The smallest sample that at least this part of all samples does not exceed. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

/** Samples of several things, taken in turns so that a busy moment hits all of them. */
export async function inTurns<Thing extends string>(
  rounds: number,
  things: Readonly<Record<Thing, () => Promise<number>>>,
  report: (round: string) => void,
): Promise<Readonly<Record<Thing, readonly number[]>>> {
  const names = Object.keys(things) as Thing[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Thing, number[]>;
  for (let round = 1; round <= rounds; round++) {
    report(`round ${round} of ${rounds}`);
    for (const name of round % 2 === 1 ? names : names.toReversed()) samples[name].push(await things[name]());
  }
  return samples;
}

/** The figures of a table, one line each, the floor beside each value. */
export function table(figures: readonly Figure[]): string {
  const shown = (value: number | null) => (value === null ? "" : String(Number(value.toPrecision(3))));
  const rows = figures.map(({ id, metric, value, unit, floor, goal, ok }) => [
    id,
    metric,
    `${shown(value)} ${unit}`,
    floor === null ? "" : `${shown(floor)} ${unit}`,
    floor === null || floor === 0 ? "" : `${shown(value / floor)}×`,
    goal === null ? "" : `≤ ${shown(goal)} ${unit}`,
    goal === null ? "" : ok ? "ok" : "MISSED",
  ]);
  const all = [["id", "metric", "value", "floor", "ratio", "goal", ""], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
