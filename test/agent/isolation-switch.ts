// An {@link Isolation} that says what the test says.
import type { Isolation } from "../../controller-image/src/agent/isolation";

export class IsolationSwitch implements Isolation {
  #isolated = false;
  readonly #callbacks = new Set<() => void>();

  isolated(): boolean {
    return this.#isolated;
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  turn(isolated: boolean): void {
    this.#isolated = isolated;
    for (const callback of this.#callbacks) callback();
  }

  get listeners(): number {
    return this.#callbacks.size;
  }
}
