// Which answers are tried again, when, and for how long.
import { ComputeError, type ComputeResponse } from "../../../controller-image/src/fabric/gce/compute";
import type { CallRecord } from "../../../controller-image/src/fabric/gce/exchange";
import { VirtualClock } from "../../support/virtual-clock";
import { after, ok, passing, refused, scripted, silence, type Answer } from "./scripted";

const ADDRESS = ok({ name: "a", address: "192.0.2.1" });
const MINUTE = 60_000;

/** An address is asked for, and this is answered first. */
async function asked(first: Answer, options: Parameters<typeof scripted>[1] = {}) {
  const { compute, clock, seen } = scripted([first, ADDRESS], options);
  const answer = await passing(clock, compute.get("regions/r1", "addresses", "a"));
  return { answer, times: seen.map(({ at }) => at), clock };
}

const AGAIN: readonly (readonly [string, Answer])[] = [
  ["a connection that breaks", new Error("read ECONNRESET")],
  ["429 of any reason", refused(429, "tooManyRequests")],
  ["500", refused(500, "internalError")],
  ["502 without JSON", { status: 502 }],
  ["503", refused(503, "backendError")],
  ["504", { status: 504, body: "<html>gateway timeout</html>" }],
  ["200 without JSON, as of a proxy that asks for a password", { status: 200 }],
  ["200 with JSON that is no object", { status: 200, body: [] }],
];

test.each(AGAIN)("is tried again within 0.2 s: %s", async (_name, first) => {
  const { answer, times } = await asked(first);
  expect(answer).toEqual({ name: "a", address: "192.0.2.1" });
  expect(times).toHaveLength(2);
  expect(times[1]).toBeGreaterThan(0);
  expect(times[1]).toBeLessThan(200);
});

const LIMITED: readonly (readonly [string, ComputeResponse])[] = [
  ["403 rateLimitExceeded", refused(403, "rateLimitExceeded")],
  ["403 userRateLimitExceeded", refused(403, "userRateLimitExceeded")],
  ["429 rateLimitExceeded", refused(429, "rateLimitExceeded")],
];

test.each(LIMITED)("waits for the next full minute: %s", async (_name, first) => {
  const clock = new VirtualClock({ epoch: Date.UTC(2026, 0, 1, 12, 0, 42) });
  const { answer, times } = await asked(first, { clock });
  expect(answer).toEqual({ name: "a", address: "192.0.2.1" });
  expect(times).toHaveLength(2);
  expect(times[1]).toBeGreaterThanOrEqual(18_000);
  expect(times[1]).toBeLessThan(19_000);
});

const NEVER: readonly (readonly [number, string])[] = [
  [400, "invalid"],
  [400, "resourceInUseByAnotherResource"],
  [401, "authError"],
  [403, "forbidden"],
  [403, "quotaExceeded"],
  [409, "alreadyExists"],
  [412, "conditionNotMet"],
  [501, "notImplemented"],
];

test.each(NEVER)("is not tried again: %d %s", async (status, reason) => {
  const { answer, times } = await asked(refused(status, reason, "no, because"));
  expect(times).toEqual([0]);
  expect(answer).toBeInstanceOf(ComputeError);
  expect(answer).toMatchObject({
    message: `no, because (${status} ${reason}, GET regions/r1/addresses/a)`,
    status,
    reason,
    call: "GET regions/r1/addresses/a",
  });
});

test("what is not there is an answer, and is not asked for twice", async () => {
  const { answer, times } = await asked(
    refused(404, "notFound", "The resource 'projects/p/regions/r1/addresses/a' was not found"),
  );
  expect([answer, times]).toEqual([undefined, [0]]);
});

test.each(["projects/p", "projects/p/regions/r1", "projects/p/zones/z1"])(
  "what is around it and is not there is an error: %s",
  async (around) => {
    const { answer } = await asked(refused(404, "notFound", `The resource '${around}' was not found`));
    expect(answer).toMatchObject({ status: 404, reason: "notFound" });
  },
);

test("what the transport knows the reason of is said as it is, at once", async () => {
  const { answer, times } = await asked(new ComputeError("no credentials at all", 0, "noCredentials", "token"));
  expect(answer).toMatchObject({ message: "no credentials at all", reason: "noCredentials" });
  expect(times).toEqual([0]);
});

test("an answer that does not come is given up after 30 s and asked for again", async () => {
  const { answer, times } = await asked(silence);
  expect(answer).toEqual({ name: "a", address: "192.0.2.1" });
  expect(times).toHaveLength(2);
  expect(times[1]).toBeGreaterThanOrEqual(30_000);
  expect(times[1]).toBeLessThan(30_200);
});

test("gives up within a minute, spreading the attempts more and more, and says what was answered last", async () => {
  const { compute, clock, seen } = scripted([refused(503, "backendError", "come back later")]);
  const answer = await passing(clock, compute.get("regions/r1", "addresses", "a"));
  expect(answer).toMatchObject({
    message: "come back later (503 backendError, GET regions/r1/addresses/a)",
    status: 503,
  });
  const times = seen.map(({ at }) => at);
  expect(times.at(-1)).toBeLessThanOrEqual(MINUTE);
  expect(clock.now()).toBeLessThanOrEqual(MINUTE);
  const waits = times.slice(1).map((at, index) => at - times[index]!);
  // Full jitter: anything below the ceiling, which doubles from 0.2 s to 10 s.
  waits.forEach((wait, index) => expect(wait).toBeLessThan(Math.min(10_000, 200 * 2 ** index)));
  expect(waits.length).toBeGreaterThan(8);
  expect(clock.pending).toBe(0);
});

test("a network that is away for good is an error that says so", async () => {
  const { compute, clock } = scripted([new Error("connect ECONNREFUSED 192.0.2.9:443")]);
  const answer = await passing(clock, compute.region("r1"));
  expect(answer).toMatchObject({
    message: "connect ECONNREFUSED 192.0.2.9:443 (GET regions/r1)",
    status: 0,
    reason: "noAnswer",
  });
});

test("a rate limit of five minutes costs one call a minute for each that is waited for, and then none fails", async () => {
  const clock = new VirtualClock({ epoch: Date.UTC(2026, 0, 1, 12, 0, 10) });
  const { compute, seen } = scripted(({ at }) => (at < 5 * MINUTE ? refused(403, "rateLimitExceeded") : ADDRESS), {
    clock,
  });
  let failures = 0;
  const insistent = async (): Promise<unknown> => {
    for (;;) {
      const answer = await compute.get("regions/r1", "addresses", "a").catch((error: unknown) => error);
      if (!(answer instanceof ComputeError)) return answer;
      expect(answer.reason).toBe("rateLimitExceeded");
      failures++;
    }
  };
  const answer = await passing(clock, insistent());
  expect(answer).toEqual({ name: "a", address: "192.0.2.1" });
  // It is 10 s past a full minute at first: the marks are at 50 s, 110 s, … and after the five minutes at 350 s.
  const minutes = seen.map(({ at }) => Math.floor((at + 10_000) / MINUTE));
  expect(minutes).toEqual([...new Set(minutes)]);
  expect(minutes.length).toBeLessThanOrEqual(7);
  expect(failures).toBeGreaterThan(0);
  expect(clock.now()).toBeLessThan(6 * MINUTE);
});

test("other calls of a limited group wait without being sent; other groups go on", async () => {
  const clock = new VirtualClock({ epoch: Date.UTC(2026, 0, 1, 12, 0, 30) });
  const { compute, seen } = scripted(
    ({ call, at }) => (call.includes("addresses") && at < 30_000 ? refused(403, "rateLimitExceeded") : ADDRESS),
    { clock },
  );
  const first = compute.get("regions/r1", "addresses", "a");
  await clock.run(1_000);
  const second = compute.get("regions/r1", "addresses", "b");
  const urgent = compute.get("regions/r1", "addresses", "c", { urgent: true });
  const other = compute.get("regions/r1", "forwardingRules", "f");
  await passing(clock, Promise.all([first, second, urgent, other]));
  const at = (name: string): number[] => seen.filter(({ call }) => call.endsWith(`/${name}`)).map((one) => one.at);
  expect(at("f")).toEqual([1_000]);
  const [again] = at("a").slice(1);
  expect(again).toBeGreaterThanOrEqual(30_000);
  expect(again).toBeLessThan(31_000);
  expect([at("b"), at("c")]).toEqual([[again], [again]]);
});

test("every exchange is told, with its group, its status and how long it took", async () => {
  const clock = new VirtualClock();
  const records: CallRecord[] = [];
  const { compute } = scripted([after(clock, 120, refused(503, "backendError")), after(clock, 80, ADDRESS)], {
    clock,
    onCall: (record) => records.push(record),
  });
  await passing(clock, compute.get("regions/r1", "addresses", "a", { urgent: true }));
  expect(records).toEqual([
    { group: "addresses.get", status: 503, reason: "backendError", milliseconds: 120, urgent: true },
    { group: "addresses.get", status: 200, reason: undefined, milliseconds: 80, urgent: true },
  ]);
});

test("closing ends what is waited for at once and leaves no timer", async () => {
  const { compute, clock } = scripted([silence]);
  const answer = compute.get("regions/r1", "addresses", "a").catch((error: unknown) => error);
  await clock.run(10);
  compute.close();
  expect(await answer).toMatchObject({ reason: "closed", status: 0 });
  expect(await compute.region("r1").catch((error: unknown) => error)).toMatchObject({ reason: "closed" });
  expect(clock.pending).toBe(0);
});
