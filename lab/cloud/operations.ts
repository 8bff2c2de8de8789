// Operations: what every change is until it takes effect. PENDING, then RUNNING, then DONE, and only then it is seen.
import { createHash } from "node:crypto";

import type { Clock } from "../../controller-image/src/kube/api";
import type { JsonObject } from "./json";
import { linkOf } from "./links";
import { operationError, Refusal } from "./refusal";
import { scopeOf, type Key } from "./state";

export interface OperationRequest {
  readonly project: string;
  /** `regions/r`, `zones/z`, `global`. */
  readonly scope: string;
  /** `insert`, `patch`, … */
  readonly type: string;
  readonly target: Key;
  readonly targetId?: string;
  readonly requestId?: string;
  readonly user: string;
  /** How long it takes; undefined for one that never ends. */
  readonly ms: number | undefined;
  /** Takes effect, or throws a {@link Refusal}. */
  readonly effect: () => void;
}

interface Operation {
  readonly key: Key;
  readonly fixed: JsonObject;
  progress: JsonObject;
  readonly waiters: Set<() => void>;
}

/** The part of its time that an operation only waits. */
const WAITING = 0.2;
const MOST_KEPT = 50_000;

/** RFC 3339, from the injected clock. */
export const timestamp = (clock: Clock): string => new Date(clock.wallTime()).toISOString().replace("Z", "+00:00");

/** A number that looks like Google's identifiers, as text. */
export const identifier = (text: string): string =>
  String(createHash("sha256").update(text).digest().readBigUInt64BE() >> 1n);

export class Operations {
  readonly #clock: Clock;
  readonly #operations = new Map<Key, Operation>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Not DONE yet. */
  get underWay(): number {
    return [...this.#operations.values()].filter(({ progress }) => progress["status"] !== "DONE").length;
  }

  /** Begins one; answers it as the call does. @param ended called when it is DONE, before anybody hears of it */
  begin(request: OperationRequest, ended: () => void): JsonObject {
    this.#count++;
    const started = Math.floor(this.#clock.wallTime());
    const name = `operation-${started}-${this.#count.toString(16).padStart(13, "0")}`;
    const key = `projects/${request.project}/${request.scope}/operations/${name}`;
    const place =
      request.scope === "global" ? {} : { [placeField(key)]: linkOf(`projects/${request.project}/${request.scope}`) };
    const at = timestamp(this.#clock);
    const operation: Operation = {
      key,
      fixed: {
        kind: "compute#operation",
        id: identifier(key),
        name,
        operationType: request.type,
        targetLink: linkOf(request.target),
        targetId: request.targetId ?? identifier(request.target),
        user: request.user,
        insertTime: at,
        selfLink: linkOf(key),
        ...place,
        ...(request.requestId === undefined ? {} : { clientOperationId: request.requestId }),
      },
      progress: { status: "PENDING", progress: 0, startTime: at },
      waiters: new Set(),
    };
    this.#operations.set(key, operation);
    this.#forget();
    this.#run(operation, request, ended);
    return bodyOf(operation);
  }

  get(key: Key): JsonObject | undefined {
    const found = this.#operations.get(key);
    return found === undefined ? undefined : bodyOf(found);
  }

  in(parent: Key): readonly JsonObject[] {
    const found = [...this.#operations.values()].filter(({ key }) => key.startsWith(`${parent}/`));
    return found.map(bodyOf);
  }

  /** Resolves when it is DONE, and after a time in any case. */
  async wait(key: Key, ms: number): Promise<JsonObject | undefined> {
    const operation = this.#operations.get(key);
    if (operation === undefined) return undefined;
    if (operation.progress["status"] !== "DONE") {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          operation.waiters.delete(done);
          resolve();
        };
        const cancel = this.#clock.after(ms, done);
        operation.waiters.add(done);
      });
    }
    return bodyOf(operation);
  }

  /** The oldest ones, when there are very many. */
  #forget(): void {
    if (this.#operations.size <= MOST_KEPT) return;
    for (const [key, { progress }] of this.#operations) {
      if (progress["status"] !== "DONE") continue;
      this.#operations.delete(key);
      return;
    }
  }

  #run(operation: Operation, { ms, effect }: OperationRequest, ended: () => void): void {
    if (ms === undefined) return;
    this.#clock.after(ms * WAITING, () => {
      operation.progress = { ...operation.progress, status: "RUNNING", startTime: timestamp(this.#clock) };
      this.#clock.after(ms - ms * WAITING, () => {
        operation.progress = {
          ...operation.progress,
          ...this.#outcome(effect),
          status: "DONE",
          progress: 100,
          endTime: timestamp(this.#clock),
        };
        ended();
        [...operation.waiters].forEach((done) => done());
      });
    });
  }

  #outcome(effect: () => void): JsonObject {
    try {
      effect();
      return {};
    } catch (error) {
      if (error instanceof Refusal) return operationError(error);
      throw error;
    }
  }
}

const bodyOf = ({ fixed, progress }: Operation): JsonObject => ({ ...fixed, ...progress });

const placeField = (key: Key): string => (scopeOf(key).startsWith("zones/") ? "zone" : "region");
