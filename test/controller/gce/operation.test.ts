// How a mutating call ends: when its operation is DONE, and only then.
import type { OperationRecord } from "../../../controller-image/src/fabric/gce/client";
import { ComputeError } from "../../../controller-image/src/fabric/gce/compute";
import { VirtualClock } from "../../support/virtual-clock";
import {
  after,
  DONE,
  failedOperation,
  ok,
  passing,
  refused,
  RUNNING,
  scripted,
  silence,
  type Answer,
} from "./scripted";

const PATCH = "PATCH regions/r1/backendServices/s";
const WAIT = "POST regions/r1/operations/operation-1/wait";
const GET = "GET regions/r1/operations/operation-1";

/** Patches a backend service, and answers what became of it and what was sent. */
async function patched(
  answers: readonly Answer[],
  clock = new VirtualClock(),
  onOperation?: (record: OperationRecord) => void,
) {
  const { compute, seen, calls } = scripted(answers, { clock, onOperation });
  const answer = await passing(clock, compute.patch("regions/r1", "backendServices", "s", { fingerprint: "f1" }));
  return { answer, seen, calls: calls(), clock };
}

test("an operation that is done at once is not waited for", async () => {
  const { answer, calls } = await patched([DONE]);
  expect([answer, calls]).toEqual([undefined, [PATCH]]);
});

test("resolves when the operation is done, with one call that the cloud holds until then", async () => {
  const clock = new VirtualClock();
  const records: OperationRecord[] = [];
  const { answer, seen } = await patched([RUNNING, after(clock, 2_700, DONE)], clock, (record) => records.push(record));
  expect(answer).toBeUndefined();
  expect(seen.map(({ call, at }) => [call, at])).toEqual([
    [PATCH, 0],
    [WAIT, 0],
  ]);
  expect(clock.now()).toBe(2_700);
  expect(records).toEqual([{ group: "backendServices.patch", milliseconds: 2_700, urgent: false, error: undefined }]);
});

test("a wait that comes back early is asked again, less and less soon when it never holds", async () => {
  const { answer, seen } = await patched([RUNNING, ...Array.from({ length: 6 }, () => RUNNING), DONE]);
  expect(answer).toBeUndefined();
  const times = seen.slice(1).map(({ at }) => at);
  expect(seen.slice(1).every(({ call }) => call === WAIT)).toBe(true);
  times.slice(1).forEach((at, index) => {
    expect(at - times[index]!).toBeGreaterThan(0);
    expect(at - times[index]!).toBeLessThan(Math.min(2_000, 200 * 2 ** index));
  });
});

test("a wait that was held and comes back early is asked again at once", async () => {
  const clock = new VirtualClock();
  const { seen } = await patched([RUNNING, after(clock, 1_500, RUNNING), DONE], clock);
  expect(seen.map(({ at }) => at)).toEqual([0, 0, 1_500]);
});

test("a wait is ended after 25 s and asked again", async () => {
  const { answer, seen } = await patched([RUNNING, silence, silence, DONE]);
  expect(answer).toBeUndefined();
  expect(seen.map(({ call, at }) => [call, at])).toEqual([
    [PATCH, 0],
    [WAIT, 0],
    [WAIT, 25_000],
    [WAIT, 50_000],
  ]);
});

test("an operation that never ends is no longer waited for after a minute", async () => {
  const { answer, clock } = await patched([RUNNING, silence]);
  expect(answer).toMatchObject({
    message: `operation operation-1 has not ended after 60 s (${PATCH})`,
    status: 0,
    reason: "operationUnfinished",
    call: PATCH,
  });
  expect(clock.now()).toBe(60_000);
  expect(clock.pending).toBe(0);
});

test("an operation that is done with an error has failed, although HTTP says 200", async () => {
  const message = "The resource 'projects/p/regions/r1/backendServices/s' is in use";
  const { answer } = await patched([RUNNING, failedOperation(400, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", message)]);
  expect(answer).toBeInstanceOf(ComputeError);
  expect(answer).toMatchObject({
    message: `${message} (operation ended with 400 RESOURCE_IN_USE_BY_ANOTHER_RESOURCE, ${PATCH})`,
    status: 400,
    reason: "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
    call: PATCH,
  });
});

test("an operation with a status of an error and no list of errors has failed as well", async () => {
  const failed = ok({
    name: "operation-1",
    status: "DONE",
    httpErrorStatusCode: 503,
    httpErrorMessage: "SERVICE UNAVAILABLE",
  });
  const { answer } = await patched([failed]);
  expect(answer).toMatchObject({
    message: `SERVICE UNAVAILABLE (operation ended with 503 unknown, ${PATCH})`,
    status: 503,
  });
});

test.each([
  [403, "forbidden"],
  [404, "notFound"],
  [405, "methodNotAllowed"],
] as const)("where wait is refused with %d %s, the operation is looked at instead", async (status, reason) => {
  const { answer, calls } = await patched([RUNNING, refused(status, reason), RUNNING, DONE]);
  expect(answer).toBeUndefined();
  expect(calls).toEqual([PATCH, WAIT, GET, GET]);
});

test("where looking at it is refused too, that is the answer", async () => {
  const message = "Required 'compute.regionOperations.get' permission for 'projects/p'";
  const { answer, calls } = await patched([RUNNING, refused(403, "forbidden", message)]);
  expect(answer).toMatchObject({ message: `${message} (403 forbidden, ${GET})`, status: 403 });
  expect(calls).toEqual([PATCH, WAIT, GET]);
});

test("an outage while it is waited for is survived", async () => {
  const { answer, calls } = await patched([RUNNING, new Error("read ECONNRESET"), refused(503, "backendError"), DONE]);
  expect(answer).toBeUndefined();
  expect(calls).toEqual([PATCH, WAIT, WAIT, WAIT]);
});

test("an answer that is no operation is said to be none", async () => {
  const { answer } = await patched([ok({ kind: "compute#operation" })]);
  expect(answer).toMatchObject({ message: `the answer is not an operation (${PATCH})`, reason: "invalidAnswer" });
});

test("an operation of which nothing is known any more has neither ended well nor been for nothing", async () => {
  const gone = refused(404, "notFound", "The resource 'projects/p/regions/r1/operations/operation-1' was not found");
  const { answer, calls } = await patched([RUNNING, gone]);
  expect(calls).toEqual([PATCH, WAIT, GET]);
  const vanished = { status: 0, reason: "operationVanished", call: PATCH };
  expect(answer).toMatchObject({
    ...vanished,
    message: `operation operation-1 is not there any more (${PATCH})`,
  });
  // A 404 of the operation is none of what was to be deleted.
  const clock = new VirtualClock();
  const { compute } = scripted([RUNNING, gone], { clock });
  expect(await passing(clock, compute.delete("regions/r1", "forwardingRules", "f"))).toMatchObject({
    ...vanished,
    call: "DELETE regions/r1/forwardingRules/f",
  });
});

test("closing ends the wait", async () => {
  const { compute, clock } = scripted([RUNNING, silence]);
  const ended = compute.patch("regions/r1", "backendServices", "s", {}).catch((error: unknown) => error);
  await clock.run(100);
  compute.close();
  expect(await ended).toMatchObject({ reason: "closed" });
  expect(clock.pending).toBe(0);
});
