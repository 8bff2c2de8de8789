// What the client's work looks like on a dashboard.
import { clientMetrics, QuotaWatch } from "../../../controller-image/src/fabric/gce/metrics";
import { Metrics } from "../../../controller-image/src/kube/metrics";
import { settle, VirtualClock } from "../../support/virtual-clock";
import { after, DONE, ok, passing, refused, RUNNING, scripted } from "./scripted";

/** The lines of a metric that are not its buckets. */
const lines = (metrics: Metrics, name: string): string[] =>
  metrics
    .text()
    .split("\n")
    .filter((line) => line.startsWith(`podpin_cloud_${name}`) && !line.includes("_bucket"));

test("calls by group, status and reason; operations by how they ended; time that was waited", async () => {
  const clock = new VirtualClock({ epoch: Date.UTC(2026, 0, 1, 12, 0, 59) });
  const metrics = new Metrics();
  const { compute } = scripted(
    [refused(403, "rateLimitExceeded"), RUNNING, after(clock, 2_000, DONE), refused(412, "conditionNotMet")],
    { clock, ...clientMetrics(metrics) },
  );
  await passing(clock, compute.patch("regions/r1", "backendServices", "s", {}, { urgent: true }));
  await passing(clock, compute.setTarget("r1", "f", "t"));
  const patch = 'group="backendServices.patch"';
  expect(lines(metrics, "calls_total")).toEqual([
    `podpin_cloud_calls_total{${patch},status="403",reason="rateLimitExceeded",urgent="true"} 1`,
    `podpin_cloud_calls_total{${patch},status="200",reason="",urgent="true"} 1`,
    'podpin_cloud_calls_total{group="operations.wait",status="200",reason="",urgent="true"} 1',
    'podpin_cloud_calls_total{group="forwardingRules.setTarget",status="412",reason="conditionNotMet",urgent="false"} 1',
  ]);
  const [sum = "", count, failedSum, failedCount] = lines(metrics, "operation_seconds");
  expect(Number(sum.split(" ")[1])).toBeGreaterThan(3);
  expect(Number(sum.split(" ")[1])).toBeLessThan(4);
  expect([count, failedSum, failedCount]).toEqual([
    `podpin_cloud_operation_seconds_count{${patch},urgent="true",result="done"} 1`,
    'podpin_cloud_operation_seconds_sum{group="forwardingRules.setTarget",urgent="false",result="conditionNotMet"} 0',
    'podpin_cloud_operation_seconds_count{group="forwardingRules.setTarget",urgent="false",result="conditionNotMet"} 1',
  ]);
  expect(lines(metrics, "call_seconds_count")).toHaveLength(2);
});

test("time that calls waited for podpin's own rate is told by lane", async () => {
  const metrics = new Metrics();
  const { compute, clock } = scripted([ok({})], clientMetrics(metrics));
  await passing(clock, Promise.all(Array.from({ length: 22 }, () => compute.region("r1"))));
  const [line = ""] = lines(metrics, "throttled");
  const [name, seconds] = line.split(" ");
  expect(name).toBe('podpin_cloud_throttled_seconds_total{why="rate",urgent="false"}');
  // A tenth of a second for the 21st, two for the 22nd.
  expect(Number(seconds)).toBeCloseTo(0.3);
});

test("the quotas that podpin's resources count in, read every ten minutes, and none when they cannot be read", async () => {
  const metrics = new Metrics();
  const said: string[] = [];
  const quota = (usage: number): object => ({
    name: "r1",
    quotas: [
      { metric: "CPUS", limit: 72, usage: 8 },
      { metric: "NETWORK_ENDPOINT_GROUPS", limit: 100, usage },
    ],
  });
  const { compute, clock, calls } = scripted([
    ok(quota(3)),
    ok(quota(4)),
    refused(403, "forbidden", "no"),
    ok(quota(5)),
  ]);
  const log = (_level: string, message: string): void => void said.push(message);
  const watch = new QuotaWatch({ compute, region: "r1", clock, log, metrics });
  expect(calls()).toEqual([]);
  watch.start();
  const readings = (): string[] => lines(metrics, "quota");
  await settle();
  expect(readings()).toEqual([
    'podpin_cloud_quota_limit{metric="NETWORK_ENDPOINT_GROUPS",region="r1"} 100',
    'podpin_cloud_quota_usage{metric="NETWORK_ENDPOINT_GROUPS",region="r1"} 3',
  ]);
  await clock.run(600_000);
  expect(readings()[1]).toMatch(/ 4$/);
  await clock.run(600_000);
  expect([readings(), said]).toEqual([[], ["the quotas of the region could not be read"]]);
  await clock.run(600_000);
  expect(readings()[1]).toMatch(/ 5$/);
  watch.stop();
  await clock.run(6_000_000);
  expect([calls().length, readings()]).toEqual([4, []]);
  watch.start();
  await settle();
  expect(readings()[1]).toMatch(/ 5$/);
});
