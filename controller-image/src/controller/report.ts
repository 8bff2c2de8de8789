// What the controller tells about its work: counters for dashboards and alerts, Events for whoever looks at a route.
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import { KubeError, type Clock } from "../kube/api";
import type { EventRecorder, EventResult } from "../kube/events";
import { NotLeadingError } from "../kube/leader-only";
import type { Metrics, Reading } from "../kube/metrics";
import type { QueueCounters } from "../kube/queue";
import type { BindingChange } from "./handover";
import { cloudNote, heldNote, moveNotes, overdueNote, refusalNote, refusedNote, type Move } from "./route-events";
import type { RouteStatus } from "./route-status";

/** Who hears what a reconcile of a route did. */
export interface RouteReport {
  /** @param error what the API server said instead of doing it */
  wrote(verb: BindingChange["verb"], error?: unknown): void;
  /** @param route undefined when it is gone */
  moved(route: GKEIPRoute | undefined, moves: readonly Move[]): void;
  /** Something has to be written, and the API server refuses it for a while already. */
  refused(route: GKEIPRoute, why: string): void;
  /** A better Pod has to wait, and the status is about to say so. */
  held(route: GKEIPRoute, note: string): void;
  /** @param route as it was before the status was written */
  judged(route: GKEIPRoute, status: RouteStatus, contested: boolean): void;
}

export interface Report extends RouteReport {
  reconciled(kind: string, seconds: number, error?: unknown): void;
  led(): void;
  event(result: EventResult): void;
}

export function reportOn(metrics: Metrics, events: EventRecorder): Report {
  const reconciles = metrics.histogram("podpin_reconcile_seconds", "Time of one reconcile, by kind and result.");
  const writes = metrics.counter("podpin_binding_writes_total", "Writes of AddressBindings, by verb and result.");
  const moves = metrics.counter("podpin_moves_total", "Addresses that changed hands: assigned, moved or released.");
  const led = metrics.counter("podpin_leaderships_total", "How often this replica began to lead.");
  const told = metrics.counter("podpin_events_total", "Events, by what became of them.");
  return {
    reconciled: (kind, seconds, error) => reconciles.observe(seconds, { kind, result: resultOf(error) }),
    wrote: (verb, error) => writes.add({ verb, result: resultOf(error) }),
    led: () => led.add(),
    event: (result) => told.add({ result: result.replace(" ", "_") }),
    moved: (route, all) => {
      for (const { kind } of all) moves.add({ kind });
      if (route !== undefined) moveNotes(route, all).forEach((note) => events.record(note));
    },
    refused: (route, why) => events.record(refusedNote(route, why)),
    held: (route, note) => events.record(heldNote(route, note)),
    judged: (route, status, contested) => {
      const { conditions } = status;
      const note =
        refusalNote(route, conditions, contested) ?? overdueNote(route, conditions) ?? cloudNote(route, conditions);
      if (note !== undefined) events.record(note);
    },
  };
}

export interface Watched {
  readonly isLeading: () => boolean;
  readonly queue: { readonly counters: QueueCounters };
  /** By kind. */
  readonly reflectors: Readonly<Record<string, { readonly heardAt?: number }>>;
  readonly clock: Clock;
}

/** What is read at each scrape. */
export function gauges(metrics: Metrics, { isLeading, queue, reflectors, clock }: Watched): void {
  metrics.gauge("podpin_is_leader", "1 while this replica leads, 0 while it stands by.", () => [[isLeading() ? 1 : 0]]);
  metrics.gauge("podpin_queue_keys", "Keys in the queue: waiting for a worker, running, or waiting for a time.", () => {
    const { waiting, running, delayed } = queue.counters;
    return [
      [waiting, { state: "waiting" }],
      [running, { state: "running" }],
      [delayed, { state: "delayed" }],
    ];
  });
  metrics.counted("podpin_queue_failures_total", "Reconciles that failed and were tried again.", () => [
    [queue.counters.failures],
  ]);
  const text = "Seconds since the API server last said anything about a kind; it does so about once a minute.";
  metrics.gauge("podpin_watch_age_seconds", text, () =>
    Object.entries(reflectors).flatMap(([kind, { heardAt }]): Reading[] =>
      heardAt === undefined ? [] : [[(clock.now() - heardAt) / 1000, { kind }]],
    ),
  );
}

function resultOf(error: unknown): string {
  if (error === undefined) return "ok";
  if (error instanceof NotLeadingError) return "not_leading";
  return error instanceof KubeError && error.status === 409 ? "conflict" : "error";
}
