// What a lab run found: a table for people, `.lab/report.json` for programs, with another fabric `.lab/report-<fabric>.json`.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LabFabric } from "./steps/setting";

export interface StepResult {
  readonly id: string;
  readonly title: string;
  readonly ok: boolean;
  readonly ms: number;
  /** Probes of this step that got no answer; absent where nothing was probed. */
  readonly lost?: number;
  /** Probes sent in this step. */
  readonly sent?: number;
  /** Longest time without an answer, in milliseconds. */
  readonly gapMs?: number;
  /** What was seen, one sentence each. */
  readonly seen: readonly string[];
  /** Why it failed. */
  readonly error?: string;
}

export interface LabReport {
  readonly fabric: LabFabric;
  readonly ok: boolean;
  readonly startedAt: string;
  readonly ms: number;
  /** Stand-ins that took part, by name; the real part is used where it is found. */
  readonly standIns: readonly string[];
  readonly steps: readonly StepResult[];
}

/** The table: step, result, seconds, packets lost of sent, longest gap. */
export function table(steps: readonly StepResult[]): string {
  const rows = steps.map((step) => [
    step.id,
    step.ok ? "ok" : "FAILED",
    `${(step.ms / 1000).toFixed(1)} s`,
    step.lost === undefined ? "" : `${step.lost} of ${step.sent ?? 0}`,
    step.gapMs === undefined ? "" : `${step.gapMs.toFixed(1)} ms`,
    step.title,
  ]);
  const all = [["step", "result", "time", "lost", "gap", ""], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const left = new Set([0, 1, 5]);
  return all
    .map((row) =>
      row
        .map((cell, i) => (left.has(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function writeReport(folder: string, report: LabReport): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, report.fabric === LabFabric.L2 ? "report.json" : `report-${report.fabric}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}
