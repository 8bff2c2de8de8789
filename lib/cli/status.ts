// `podpin status`: one line for each address of each route.
import { claimedAddresses } from "../model/acceptance";
import { routeCondition, RouteCondition } from "../model/gke-api";
import { keyOf } from "../model/kubernetes";
import type { Snapshot } from "./cluster";

/** The table; routes of one namespace, or of all. */
export function statusTable({ routes, bindings }: Snapshot, namespace?: string): string {
  const rows: string[][] = [["ADDRESS", "ROUTE", "POD", "NODE", "EPOCH", "READY", "REASON"]];
  for (const route of routes) {
    if (namespace !== undefined && route.metadata.namespace !== namespace) continue;
    const ready = routeCondition(route.status?.conditions, RouteCondition.Ready);
    for (const address of claimedAddresses(route)) {
      const binding = bindings.find(
        ({ spec }) => spec.address === address && spec.route.uid === (route.metadata.uid ?? ""),
      );
      rows.push([
        address,
        keyOf(route),
        binding?.spec.owner?.podName ?? route.status?.pods?.[0] ?? "-",
        binding?.spec.nodeName || "-",
        binding === undefined ? "-" : String(binding.spec.epoch),
        ready?.status ?? "Unknown",
        ready?.reason ?? "no controller has looked at it yet",
      ]);
    }
  }
  if (rows.length === 1) return "No GKEIPRoute asks for an address.\n";
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
