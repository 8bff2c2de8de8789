// When the status of a route is written: not for each step of a move, and nothing that is lost waits for it long.
import { RouteCondition, type GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf } from "../../../lib/model/kubernetes";
import { KubeError, type Clock } from "../kube/api";
import { pause } from "../kube/backoff";
import { same } from "./conditions";
import type { RouteStatus } from "./route-status";

/** News of a move that is under way are told no more often than this; whether the route is Ready is told at once. */
const STATUS_INTERVAL_MS = 500;
/** So long an address that nobody can reach waits for its route to say so. */
const TELL_FIRST_MS = 500;
/** For so long after a status that took longer than that nothing that is lost waits for another one. */
const TELL_LATER_MS = 10_000;

export class StatusTiming {
  /** When the status of a route was last written, while it may have to be written again. */
  readonly #toldAt = new Map<string, number>();

  /** Until then what is lost does not wait for a status. */
  #tellLaterUntil = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** How long the status can wait: the steps of a move follow each other faster than anybody reads. */
  laterMs(route: GKEIPRoute, status: RouteStatus): number {
    if (isNews(route.status, status)) return 0;
    const toldAt = this.#toldAt.get(keyOf(route));
    return toldAt === undefined ? 0 : Math.max(0, toldAt + STATUS_INTERVAL_MS - this.clock.now());
  }

  told(route: GKEIPRoute): void {
    this.#toldAt.set(keyOf(route), this.clock.now());
  }

  /** The status of the route says all that there is to say, or the route is gone. */
  forget(key: string): void {
    this.#toldAt.delete(key);
  }

  /**
   * Waits until the route says that its addresses are not Ready, but not for ever: what refuses or delays the writes of routes may have
   * been on the very node that is lost, as an admission webhook with a single Pod, and nothing would move until it is back.
   *
   * @param lost packets are being lost meanwhile
   */
  async tellFirst(telling: Promise<unknown>, { lost }: { readonly lost: boolean }): Promise<{ refusal?: unknown }> {
    const settled = telling.then(
      () => ({}),
      (error: unknown) => {
        if (isRefusal(error) || (lost && error instanceof KubeError && error.status !== 409)) return { refusal: error };
        throw error;
      },
    );
    if (!lost) return settled;
    settled.catch(() => undefined);
    // The change of the binding has the route looked at again, and its status written then.
    if (this.clock.now() < this.#tellLaterUntil) return {};
    const over = new AbortController();
    const patience = pause(this.clock, TELL_FIRST_MS, over.signal).then(() => undefined);
    const outcome = await Promise.race([settled, patience]).finally(() => over.abort());
    if (outcome === undefined) this.#tellLaterUntil = this.clock.now() + TELL_LATER_MS;
    return outcome ?? {};
  }
}

/** Whether the status says something else of what people and programs wait for. */
function isNews(before: GKEIPRoute["status"], after: RouteStatus): boolean {
  const gist = (status: Partial<RouteStatus> | undefined): unknown =>
    [RouteCondition.Accepted, RouteCondition.Ready].map((type) => {
      const { status: is, reason, observedGeneration } = status?.conditions?.find((one) => one.type === type) ?? {};
      return { is, reason, observedGeneration };
    });
  return !same([before?.pods, gist(before)], [after.pods, gist(after)]);
}

/** Whether the server will say the same of this very write again: a rule or a right stands against it. */
function isRefusal(error: unknown): boolean {
  return error instanceof KubeError && [400, 403, 422].includes(error.status);
}
