// What the client tells about its calls, and the quotas that a region has left, for dashboards and alerts.
import type { Clock, Log } from "../../kube/api";
import type { Metrics, Reading } from "../../kube/metrics";
import type { ComputeClientOptions } from "./client";
import type { Compute, Region } from "./compute";

/** Operations take seconds; a minute is when nobody waits any more. */
const OPERATION_SECONDS = [0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60];

/** The hooks of a client. Give the same ones to every client of a process. */
export function clientMetrics(
  metrics: Metrics,
): Required<Pick<ComputeClientOptions, "onCall" | "onOperation" | "onThrottled">> {
  const calls = metrics.counter(
    "podpin_cloud_calls_total",
    "Calls of the Compute API, tried again or not, by group of methods; status 0: no answer.",
  );
  const seconds = metrics.histogram("podpin_cloud_call_seconds", "Time until the Compute API answered a call.");
  const operations = metrics.histogram(
    "podpin_cloud_operation_seconds",
    "From a call that changes something until its operation was done, by what it ended with.",
    OPERATION_SECONDS,
  );
  const throttled = metrics.counter(
    "podpin_cloud_throttled_seconds_total",
    "Time that calls waited before they were sent: for podpin's own rate, for the cloud's quota, for places of operations.",
  );
  return {
    onCall: ({ group, status, reason, milliseconds, urgent }) => {
      // A wait is as long as its operation, and says nothing of how the API does.
      if (group !== "operations.wait") seconds.observe(milliseconds / 1000, { group });
      calls.add({ group, status: String(status), reason: reason ?? "", urgent: String(urgent) });
    },
    onOperation: ({ group, milliseconds, urgent, error }) => {
      operations.observe(milliseconds / 1000, { group, urgent: String(urgent), result: error?.reason ?? "done" });
    },
    onThrottled: (why, milliseconds, urgent) => throttled.add({ why, urgent: String(urgent) }, milliseconds / 1000),
  };
}

/** Quotas that what podpin makes counts in. */
const COUNTED: ReadonlySet<string> = new Set([
  "EXTERNAL_NETWORK_LB_FORWARDING_RULES",
  "EXTERNAL_PROTOCOL_FORWARDING_RULES",
  "FORWARDING_RULES",
  "IN_USE_ADDRESSES",
  "NETWORK_ENDPOINT_GROUPS",
  "REGIONAL_EXTERNAL_NETWORK_LB_BACKEND_SERVICES",
  "REGIONAL_INTERNAL_LB_BACKEND_SERVICES",
  "STATIC_ADDRESSES",
  "STATIC_BYOIP_ADDRESSES",
  "TARGET_INSTANCES",
]);
const EVERY_MS = 600_000;

export interface QuotaWatchOptions {
  readonly compute: Compute;
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Reads the region's quotas when it is started and every ten minutes, until it is stopped. */
export class QuotaWatch {
  #quotas: NonNullable<Region["quotas"]> = [];
  /** Counts starts, so that an answer to an earlier one is nobody's. */
  #term = 0;
  #cancel = (): void => undefined;

  constructor(private readonly options: QuotaWatchOptions) {
    const readings = (field: "limit" | "usage") => (): Reading[] =>
      this.#quotas.map((quota): Reading => [quota[field] ?? 0, { metric: quota.metric ?? "", region: options.region }]);
    const { metrics } = options;
    metrics.gauge("podpin_cloud_quota_limit", "Quotas of the region, of what podpin makes.", readings("limit"));
    metrics.gauge("podpin_cloud_quota_usage", "How much of them is used, by podpin and by others.", readings("usage"));
  }

  start(): void {
    this.stop();
    void this.#read(this.#term);
  }

  stop(): void {
    this.#term++;
    this.#quotas = [];
    this.#cancel();
  }

  async #read(term: number): Promise<void> {
    const { compute, region, clock, log } = this.options;
    let quotas: NonNullable<Region["quotas"]> = [];
    try {
      quotas = ((await compute.region(region)).quotas ?? []).filter(({ metric }) => COUNTED.has(metric ?? ""));
    } catch (error) {
      // What was read before is old, and would be shown as the present: nothing is better.
      if (term === this.#term) log("warn", "the quotas of the region could not be read", { region, error });
    }
    if (term !== this.#term) return;
    this.#quotas = quotas;
    this.#cancel = clock.after(EVERY_MS, () => void this.#read(term));
  }
}
