// Writes AddressBindings as decided, no address more often than it may have to move.
import type { AddressBinding } from "../../../lib/model/binding";
import { RESOURCES } from "../../../lib/model/kubernetes";
import type { Clock, Kube, Log } from "../kube/api";
import { same } from "./conditions";
import type { BindingChange } from "./handover";
import type { RouteReport } from "./report";
import { moveOf, type Move } from "./route-events";
import type { Store } from "./store";
import { WriteLimit } from "./write-limit";

/** An address may have to follow Pods that come and go twice a second, with two writes each. */
const BINDING_EVERY_MS = 100;
/** A write that changed nothing is not made again so soon. */
const IDLE_MS = 600_000;

export interface BindingWritesOptions {
  readonly kube: Kube;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly report: RouteReport;
}

export class BindingWrites {
  readonly #limit: WriteLimit;

  /** By address: a write that changed nothing, and when it was made. */
  readonly #idle = new Map<string, { readonly binding: AddressBinding; readonly at: number }>();

  #loggedIdleAt = -Infinity;

  constructor(private readonly options: BindingWritesOptions) {
    this.#limit = new WriteLimit(options.clock, options.log, BINDING_EVERY_MS);
  }

  /** How long the change has to wait, in milliseconds. */
  waitMs({ binding }: BindingChange): number {
    return this.#limit.waitMs(binding.spec.address);
  }

  /**
   * Answers what the change did to the owner, once it is done.
   *
   * @param failed the owner has failed, so that the address is lost until it has moved
   */
  async write(change: BindingChange, failed = false): Promise<Move | undefined> {
    const { report, store } = this.options;
    const move = moveOf(change, store.binding(change.binding.spec.address));
    try {
      await this.#send(change, failed);
    } catch (error) {
      report.wrote(change.verb, error);
      throw error;
    }
    report.wrote(change.verb);
    return move;
  }

  async #send({ verb, binding }: BindingChange, failed: boolean): Promise<void> {
    const { kube, store } = this.options;
    const { addressBindings } = RESOURCES;
    switch (verb) {
      case "create":
        store.noteWritten(await kube.create(addressBindings, binding), failed);
        break;
      case "replace":
        store.noteWritten(await this.#replace(binding), failed);
        break;
      case "delete": {
        const { uid, resourceVersion } = binding.metadata;
        await kube.delete(addressBindings, { name: binding.metadata.name }, { uid, resourceVersion });
      }
    }
    this.#limit.wrote(binding.spec.address);
  }

  /** An API server whose definition is older leaves out what it does not know, and would be told again at every look. */
  async #replace(binding: AddressBinding): Promise<AddressBinding> {
    const { kube, clock, log } = this.options;
    const { address } = binding.spec;
    const idle = this.#idle.get(address);
    if (idle !== undefined && clock.now() - idle.at < IDLE_MS && same(idle.binding, binding)) return binding;
    this.#idle.delete(address);
    const written = await kube.replace(RESOURCES.addressBindings, binding);
    const at = clock.now();
    if (written.metadata.resourceVersion !== binding.metadata.resourceVersion) return written;
    this.#idle.set(address, { binding, at });
    if (at - this.#loggedIdleAt >= IDLE_MS) {
      this.#loggedIdleAt = at;
      const text = "the API server keeps less of an AddressBinding than this version writes: its definition is older";
      log("warn", text, { address, kept: written.spec });
    }
    return written;
  }
}
