// Events: what happened to an object, for whoever runs `kubectl describe`. Best effort: they never delay, repeat or fail the
// work that they tell of. What repeats becomes one Event with a count, and no object gets more than a handful an hour.
import { apiVersionOf, RESOURCES, type KubeObject, type Resource } from "../../../lib/model/kubernetes";
import type { Clock, KubeApi, Log } from "./api";
import { microTime } from "./clock";

export interface EventNote {
  /** What it happened to. */
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly type: "Normal" | "Warning";
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** What was done or tried, CamelCase. */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorder {
  record(note: EventNote): void;
}

export type EventResult = "created" | "counted" | "held back" | "failed";

export interface EventOptions {
  readonly api: Pick<KubeApi, "create" | "mergePatch">;
  readonly clock: Clock;
  readonly log: Log;
  /** A qualified name, `podpin.dev/persistent-ip-controller`. */
  readonly controller: string;
  /** Name of the Pod. */
  readonly instance: string;
  /** Told once for each note. */
  readonly onResult?: (result: EventResult) => void;
}

const HOUR_MS = 3_600_000;
/** Writes for one object within an hour, new Events and higher counts together. */
export const EVENTS_PER_HOUR = 10;
/** How often the count of one Event is written; what comes in between is in the next count. */
const COUNT_EVERY_MS = 600_000;
/** Notes that may wait; the API server forgets Events after an hour, so a longer queue would only be late. */
const MAX_WAITING = 1_000;
/** What is told of has only begun: its own writes, which packets wait for, go first. */
const LATER_MS = 250;
const MAX_NOTE_BYTES = 1024;
const MAX_INSTANCE_LENGTH = 128;

interface Series {
  readonly name: string;
  count: number;
  at: number;
  writtenAt: number;
}

interface Subject {
  readonly series: Map<string, Series>;
  /** Times of the writes of the last hour. */
  writes: number[];
}

export class Events implements EventRecorder {
  readonly #subjects = new Map<string, Subject>();
  readonly #waiting: (() => Promise<EventResult>)[] = [];
  #working = false;
  #sweptAt = 0;

  constructor(private readonly options: EventOptions) {}

  record(note: EventNote): void {
    const { clock } = this.options;
    this.#sweep();
    const { uid, name, namespace = "" } = note.object.metadata;
    const id = uid ?? `${note.resource.kind} ${namespace}/${name}`;
    const subject = this.#subjects.get(id) ?? { series: new Map<string, Series>(), writes: [] };
    this.#subjects.set(id, subject);
    const now = clock.now();
    const key = JSON.stringify([note.type, note.reason, note.action, note.note]);
    const known = subject.series.get(key);
    const series = known ?? { name: eventName(name, clock), count: 0, at: now, writtenAt: Number.NEGATIVE_INFINITY };
    series.count++;
    series.at = now;
    // The first repetition is told at once: that it repeats at all is the news.
    const due = known === undefined || series.count === 2 || now - known.writtenAt >= COUNT_EVERY_MS;
    if (!due || !mayWrite(subject, now)) {
      // A note that was never written is told as new when there is room for it again.
      return this.options.onResult?.("held back");
    }
    subject.series.set(key, series);
    subject.writes.push(now);
    series.writtenAt = now;
    const at = microTime(clock);
    this.#enqueue(async () => {
      try {
        return await (known === undefined ? this.#create(note, series, at) : this.#count(note, series, at));
      } catch (error) {
        // Not there, or gone after its hour: the next one is new.
        subject.series.delete(key);
        throw error;
      }
    });
  }

  async #create(note: EventNote, series: Series, eventTime: string): Promise<EventResult> {
    const { api, controller, instance } = this.options;
    const { resource, object, type, reason, action } = note;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const regarding = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      namespace,
      name,
      uid,
      resourceVersion,
    };
    const event = {
      metadata: { name: series.name, namespace: namespaceOf(object) },
      eventTime,
      reportingController: controller,
      reportingInstance: instance.slice(0, MAX_INSTANCE_LENGTH),
      regarding,
      type,
      reason,
      action,
      note: shortened(note.note),
    };
    await api.create(RESOURCES.events, event as KubeObject);
    return "created";
  }

  async #count({ object }: EventNote, { name, count }: Series, lastObservedTime: string): Promise<EventResult> {
    const ref = { namespace: namespaceOf(object), name };
    await this.options.api.mergePatch(RESOURCES.events, ref, { series: { count, lastObservedTime } });
    return "counted";
  }

  #enqueue(write: () => Promise<EventResult>): void {
    if (this.#waiting.length >= MAX_WAITING) return this.options.onResult?.("held back");
    this.#waiting.push(write);
    if (this.#working) return;
    this.#working = true;
    this.options.clock.after(LATER_MS, () => void this.#work());
  }

  /** One at a time, so that a storm of notes leaves the API server to the writes that matter. */
  async #work(): Promise<void> {
    for (let write = this.#waiting.shift(); write !== undefined; write = this.#waiting.shift()) {
      try {
        this.options.onResult?.(await write());
      } catch (error) {
        this.options.onResult?.("failed");
        this.options.log("debug", "an Event was not written", { error });
      }
    }
    this.#working = false;
  }

  /** Forgets what the API server has forgotten too. */
  #sweep(): void {
    const now = this.options.clock.now();
    if (now - this.#sweptAt < COUNT_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [id, { series, writes }] of this.#subjects) {
      for (const [key, { at }] of series) if (now - at >= HOUR_MS) series.delete(key);
      if (series.size === 0 && writes.every((at) => now - at >= HOUR_MS)) this.#subjects.delete(id);
    }
  }
}

function mayWrite(subject: Subject, now: number): boolean {
  subject.writes = subject.writes.filter((at) => now - at < HOUR_MS);
  return subject.writes.length < EVENTS_PER_HOUR;
}

/** Events of cluster-scoped objects live in `default`, as the API server demands. */
const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "default";

/** Unlike any other one: time and chance together. The name of an object may have 253 characters. */
function eventName(objectName: string, clock: Clock): string {
  const unique = `${clock.wallTime().toString(16)}${Math.floor(clock.random() * 2 ** 32).toString(16)}`;
  return `${objectName.slice(0, 200).replace(/[^a-z0-9]+$/, "")}.${unique}`;
}

function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NOTE_BYTES) return text;
  // A character that was cut in two reads as U+FFFD, which itself would take three bytes.
  return `${bytes
    .subarray(0, MAX_NOTE_BYTES - 3)
    .toString()
    .replace(/\uFFFD+$/, "")}…`;
}
