import { Events, EVENTS_PER_HOUR, type EventNote, type EventResult } from "../../controller-image/src/kube/events";
import { KubeError } from "../../controller-image/src/kube/api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { aRoute } from "../support/objects";
import { settle, VirtualClock } from "../support/virtual-clock";

const MINUTE = 60_000;

interface Event extends KubeObject {
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

function world() {
  const clock = new VirtualClock();
  const kube = new MemoryKube(new MemoryServer({ clock }), { clock });
  const results: EventResult[] = [];
  const events = new Events({
    api: kube,
    clock,
    log: () => undefined,
    controller: "podpin.dev/persistent-ip-controller",
    instance: "podpin-controller-abc",
    onResult: (result) => results.push(result),
  });
  const written = (): Event[] => kube.server.list<Event>(RESOURCES.events);
  /** Until what was recorded is written. */
  const later = async (): Promise<void> => {
    await clock.run(250);
    await settle();
  };
  return { clock, kube, events, results, written, later };
}

const note = (text: string, more: Partial<EventNote> = {}): EventNote => ({
  resource: RESOURCES.gkeIpRoutes,
  object: aRoute(),
  type: "Warning",
  reason: "InvalidAddresses",
  action: "Accept",
  note: text,
  ...more,
});

test("writes one Event with everything that the API server demands", async () => {
  const { events, kube, written, results, later } = world();
  events.record(note("198.51.100.99/32 is not in the Gateway"));
  await settle();
  // What it tells of is still being written.
  expect(kube.calls).toEqual([]);
  await later();
  expect(results).toEqual(["created"]);
  expect(written()).toMatchObject([
    {
      metadata: { namespace: "edge", name: expect.stringMatching(/^route\.[0-9a-f]{12,}$/) as string },
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "podpin.dev/persistent-ip-controller",
      reportingInstance: "podpin-controller-abc",
      regarding: {
        apiVersion: "networking.gke.io/v1",
        kind: "GKEIPRoute",
        namespace: "edge",
        name: "route",
        uid: "route-uid",
      },
      type: "Warning",
      reason: "InvalidAddresses",
      action: "Accept",
      note: "198.51.100.99/32 is not in the Gateway",
    },
  ]);
});

test("counts what repeats: the second time at once, then every ten minutes", async () => {
  const { clock, events, kube, written } = world();
  for (let second = 0; second < 25 * 60; second += 5) {
    events.record(note("again"));
    await clock.run(5_000);
  }
  expect(written()).toHaveLength(1);
  expect(kube.writes).toHaveLength(4);
  expect(written()[0]?.series).toEqual({ count: 242, lastObservedTime: "2026-01-01T00:20:05.000000Z" });
});

test("no failure loop writes more than ten times an hour for one object, and another object does not notice", async () => {
  const { clock, events, kube, results } = world();
  const other = aRoute({}, { name: "other", uid: "other-uid" });
  for (let minute = 0; minute < 240; minute++) {
    for (let time = 0; time < 5; time++) events.record(note(`attempt ${minute}.${time}`));
    await clock.run(MINUTE);
    if (minute === 30) events.record(note("once", { object: other }));
  }
  const perHour = [0, 1, 2, 3].map(() => EVENTS_PER_HOUR);
  expect(kube.writes).toHaveLength(perHour.reduce((sum, count) => sum + count, 1));
  expect(results.filter((result) => result === "held back")).toHaveLength(4 * 60 * 5 - 4 * EVENTS_PER_HOUR);
});

test("tells as new what the API server has lost, and what it refused", async () => {
  const { events, kube, written, results, later } = world();
  kube.fault = () => new KubeError(500, "InternalError", "no");
  events.record(note("refused"));
  await later();
  kube.fault = undefined;
  events.record(note("refused"));
  await later();
  kube.server.remove(RESOURCES.events, { namespace: "edge", name: written()[0]!.metadata.name });
  events.record(note("refused"));
  await later();
  events.record(note("refused"));
  await later();
  expect(results).toEqual(["failed", "created", "failed", "created"]);
  expect(written()).toHaveLength(1);
});

test("writes one at a time, and gives up what a storm would make late", async () => {
  const { events, kube, results, later } = world();
  for (let route = 0; route < 1_500; route++) {
    events.record(note("storm", { object: aRoute({}, { name: `route-${route}`, uid: `uid-${route}` }) }));
  }
  expect(kube.calls.length).toBeLessThanOrEqual(1);
  await later();
  expect(kube.writes).toHaveLength(1_000);
  expect(results.filter((result) => result === "held back")).toHaveLength(500);
});

test("shortens a note to what the API server takes, between characters", async () => {
  const { events, written, later } = world();
  events.record(note(`${"ä".repeat(510)}€€€€€`));
  await later();
  const text = written()[0]!.note;
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
  expect(text).toBe(`${"ä".repeat(510)}…`);
});

test("the name of an Event is valid however long the name of the object is", async () => {
  const { events, written, later } = world();
  const name = `${"a".repeat(199)}.${"b".repeat(53)}`;
  events.record(note("long", { object: aRoute({}, { name, uid: "long" }) }));
  events.record(note("cluster", { resource: RESOURCES.nodes, object: { metadata: { name: "node1", uid: "n" } } }));
  await later();
  const names = written().map(({ metadata }) => [metadata.namespace, metadata.name]);
  expect(names).toEqual([
    ["edge", expect.stringMatching(/^a{199}\.[0-9a-f]+$/)],
    ["default", expect.stringMatching(/^node1\.[0-9a-f]+$/)],
  ]);
});
