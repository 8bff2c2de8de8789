// An {@link Isolation} that says what the test says.
import type { Isolation } from "../../controller-image/src/agent/isolation";

export class IsolationSwitch implements Isolation {
  #isolated = false;
  readonly #callbacks = new Set<() => void>();
  readonly #moved = new Set<(addresses: readonly string[]) => void>();

  isolated(): boolean {
    return this.#isolated;
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  onMoved(callback: (addresses: readonly string[]) => void): () => void {
    this.#moved.add(callback);
    return () => void this.#moved.delete(callback);
  }

  /** The controller says so. */
  moved(...addresses: readonly string[]): void {
    for (const callback of this.#moved) callback(addresses);
  }

  turn(isolated: boolean): void {
    this.#isolated = isolated;
    for (const callback of this.#callbacks) callback();
  }

  get listeners(): number {
    return this.#callbacks.size + this.#moved.size;
  }
}
