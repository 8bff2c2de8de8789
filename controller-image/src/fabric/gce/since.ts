// For how long things of a route have been as its plans find them. A plan knows only now.
import type { Clock } from "../../kube/api";
import type { Plan } from "./plan";

export class Since {
  /** By route, by endpoint: since when nobody has had a use for it. */
  readonly #idle = new Map<string, ReadonlyMap<string, number>>();
  /** By route: since when another controller acts for later epochs. */
  readonly #superseded = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  planned(uid: string, { idle = [], superseded = false }: Plan): void {
    const now = this.clock.now();
    const before = this.#idle.get(uid);
    if (idle.length === 0) this.#idle.delete(uid);
    else this.#idle.set(uid, new Map(idle.map((endpoint) => [endpoint, before?.get(endpoint) ?? now])));
    if (!superseded) this.#superseded.delete(uid);
    else if (!this.#superseded.has(uid)) this.#superseded.set(uid, now);
  }

  idleMs(uid: string, endpoint: string): number {
    return this.#ms(this.#idle.get(uid)?.get(endpoint));
  }

  supersededMs(uid: string): number {
    return this.#ms(this.#superseded.get(uid));
  }

  forget(uid: string): void {
    this.#idle.delete(uid);
    this.#superseded.delete(uid);
  }

  #ms(since: number | undefined): number {
    return since === undefined ? 0 : this.clock.now() - since;
  }
}
