import { Metrics, processMetrics } from "../../controller-image/src/kube/metrics";
import { VirtualClock } from "../support/virtual-clock";

test("says counters, gauges and histograms as Prometheus reads them", () => {
  const metrics = new Metrics();
  const writes = metrics.counter("podpin_writes_total", "Writes, by verb.");
  let depth = 3;
  metrics.gauge("podpin_depth", "Keys.", () => [[depth, { state: "waiting" }]]);
  metrics.counted("podpin_failures_total", "Failures.", () => [[7]]);
  const seconds = metrics.histogram("podpin_seconds", "Time.", [0.1, 1]);
  writes.add({ verb: "create" });
  writes.add({ verb: "create" }, 2);
  writes.add({ verb: "delete" });
  for (const value of [0.1, 0.5, 3]) seconds.observe(value, { kind: "route" });
  depth = 4;
  expect(metrics.text().split("\n")).toEqual([
    "# HELP podpin_writes_total Writes, by verb.",
    "# TYPE podpin_writes_total counter",
    'podpin_writes_total{verb="create"} 3',
    'podpin_writes_total{verb="delete"} 1',
    "# HELP podpin_depth Keys.",
    "# TYPE podpin_depth gauge",
    'podpin_depth{state="waiting"} 4',
    "# HELP podpin_failures_total Failures.",
    "# TYPE podpin_failures_total counter",
    "podpin_failures_total 7",
    "# HELP podpin_seconds Time.",
    "# TYPE podpin_seconds histogram",
    'podpin_seconds_bucket{kind="route",le="0.1"} 1',
    'podpin_seconds_bucket{kind="route",le="1"} 2',
    'podpin_seconds_bucket{kind="route",le="+Inf"} 3',
    'podpin_seconds_sum{kind="route"} 3.6',
    'podpin_seconds_count{kind="route"} 3',
    "",
  ]);
});

test("escapes what would end a label or a line, and names what is no number", () => {
  const metrics = new Metrics();
  metrics.gauge("podpin_odd", "One\nline \\ only.", () => [
    [Number.NaN, { text: 'a"b\\c\nd' }],
    [Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY],
  ]);
  expect(metrics.text()).toBe(
    [
      "# HELP podpin_odd One\\nline \\\\ only.",
      "# TYPE podpin_odd gauge",
      'podpin_odd{text="a\\"b\\\\c\\nd"} NaN',
      "podpin_odd +Inf",
      "podpin_odd -Inf",
      "",
    ].join("\n"),
  );
});

test("refuses a name twice, and a name that Prometheus does not read", () => {
  const metrics = new Metrics();
  metrics.counter("podpin_a_total", "A.");
  expect(() => metrics.gauge("podpin_a_total", "A.", () => [])).toThrow("metric podpin_a_total is there already");
  expect(() => metrics.counter("podpin-a", "A.")).toThrow('metric "podpin-a": use small letters, digits and _');
});

test("measures how late timers are, and stops when asked", () => {
  const clock = new VirtualClock();
  let stall = 0;
  const late = {
    now: () => clock.now() + stall,
    wallTime: () => clock.wallTime(),
    random: () => 0,
    after: (ms: number, callback: () => void) => clock.after(ms, callback),
  };
  const metrics = new Metrics();
  const stop = processMetrics(metrics, late, "1.2.3");
  clock.advance(1_000);
  stall = 300;
  clock.advance(250);
  const lag = metrics
    .text()
    .split("\n")
    .filter((line) => line.startsWith("podpin_event_loop_lag_seconds"));
  expect(lag).toEqual(
    expect.arrayContaining([
      'podpin_event_loop_lag_seconds_bucket{le="0.001"} 4',
      'podpin_event_loop_lag_seconds_bucket{le="0.25"} 4',
      'podpin_event_loop_lag_seconds_bucket{le="0.5"} 5',
    ]),
  );
  expect(metrics.text()).toContain('podpin_build_info{version="1.2.3"} 1\n');
  expect(metrics.text()).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
  stop();
  expect(clock.pending).toBe(0);
});
