// Where a packet for an address would go at this moment: through the rule to the target instance, or to the leader of the
// backend service.
import type { Clock } from "../../controller-image/src/kube/api";
import type { Conditions } from "./conditions";
import type { Duration } from "./inject";
import { objects, text } from "./json";
import { leaderOf } from "./kinds/ha-policy";
import { keyIn } from "./links";
import { collectionOf, nameOf, projectOf, scopeOf, type Change, type Key, type Resource, type State } from "./state";

export interface DeliveryOptions {
  /** How long after an operation is DONE packets go the new way; at most one way at a time is taken. @default 0 */
  readonly propagation?: Duration;
}

/** The VM that gets the packets for an address. */
export interface Delivered {
  readonly project: string;
  readonly zone: string;
  readonly instance: string;
  /** Name of the VM's interface: `nic0`. */
  readonly nic: string;
}

/** @param delivered undefined: nobody gets packets for the address */
export type DeliveryListener = (address: string, delivered: Delivered | undefined) => void;

export class Delivery {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #conditions: Conditions;
  readonly #propagation: Duration;
  readonly #listeners = new Set<DeliveryListener>();
  /** What the network does, by address; it follows the objects. */
  readonly #now = new Map<string, Delivered>();
  readonly #orders = new Map<string, number>();
  readonly #settled = new Map<string, number>();

  constructor(state: State, clock: Clock, conditions: Conditions, { propagation = 0 }: DeliveryOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#conditions = conditions;
    this.#propagation = propagation;
    conditions.onZones(() => this.follow([...this.#orders.keys()]));
  }

  /** The VM that would get a packet now; undefined when none would. */
  deliver(address: string): Delivered | undefined {
    return this.#now.get(address);
  }

  /** Every address that goes somewhere. */
  get all(): ReadonlyMap<string, Delivered> {
    return new Map(this.#now);
  }

  /** Hears of every change, first of what is there already; the answer ends that. */
  onChange(listener: DeliveryListener): () => void {
    this.#listeners.add(listener);
    for (const [address, delivered] of this.#now) listener(address, delivered);
    return () => this.#listeners.delete(listener);
  }

  /** Addresses whose packets may go another way for these changes; asked before they are applied, and after. */
  concerned(changes: readonly Change[]): ReadonlySet<string> {
    const addresses = new Set<string>();
    const seen = new Set<Key>();
    for (const { key } of changes) this.#addressesOf(key, seen, addresses);
    return addresses;
  }

  /** The objects have changed. */
  follow(addresses: Iterable<string>): void {
    for (const address of addresses) this.#follow(address);
  }

  /** Addresses whose packets may go through a resource. */
  #addressesOf(key: Key, seen: Set<Key>, found: Set<string>): void {
    if (seen.has(key)) return;
    seen.add(key);
    if (collectionOf(key) === "forwardingRules") {
      const rule = this.#state.get(key);
      if (rule !== undefined) found.add(text(rule.body, "IPAddress"));
      return;
    }
    for (const user of this.#state.usersOf(key)) this.#addressesOf(user, seen, found);
  }

  #follow(address: string): void {
    const order = (this.#orders.get(address) ?? 0) + 1;
    this.#orders.set(address, order);
    const wanted = this.#wanted(address);
    const lag = this.#lag();
    const settle = (): void => {
      // A change that was slower than a later one is overtaken, not applied after it.
      if ((this.#settled.get(address) ?? 0) > order) return;
      this.#settled.set(address, order);
      const before = this.#now.get(address);
      if (same(before, wanted)) return;
      if (wanted === undefined) this.#now.delete(address);
      else this.#now.set(address, wanted);
      this.#listeners.forEach((listener) => listener(address, wanted));
    };
    if (lag <= 0) settle();
    else this.#clock.after(lag, settle);
  }

  #lag(): number {
    const duration = this.#propagation;
    if (typeof duration === "number") return duration;
    return duration.from + (duration.to - duration.from) * this.#clock.random();
  }

  #wanted(address: string): Delivered | undefined {
    const rules = this.#state.rulesFor(address);
    // Rules for single protocols may stand beside each other; the first one decides for this world without ports.
    const rule = rules.find(({ body }) => text(body, "IPProtocol") === "L3_DEFAULT") ?? rules[0];
    if (rule === undefined) return undefined;
    const target = rule.uses
      .map((key) => this.#state.get(key))
      .find((used) => used !== undefined && isTarget(used.key));
    if (target === undefined) return undefined;
    const led = collectionOf(target.key) === "backendServices" ? this.#led(target) : this.#targeted(target);
    return led === undefined || this.#conditions.isLost(led.zone) ? undefined : led;
  }

  #led(service: Resource): Delivered | undefined {
    const leader = leaderOf(service.body, projectOf(service.key));
    const group = leader === undefined ? undefined : this.#state.get(leader.group);
    const isAttached = group?.endpoints?.some(({ instance }) => instance === leader?.instance);
    if (leader === undefined || group === undefined || isAttached !== true) return undefined;
    return this.#running(leader.instance, "subnetwork", text(group.body, "subnetwork"));
  }

  #targeted(target: Resource): Delivered | undefined {
    const [, instance = ""] = target.uses;
    const network = text(target.body, "network");
    return this.#running(instance, network === "" ? undefined : "network", network);
  }

  #running(key: Key, field: "subnetwork" | "network" | undefined, link: string): Delivered | undefined {
    const vm = this.#state.get(key);
    if (vm === undefined || text(vm.body, "status") !== "RUNNING") return undefined;
    const interfaces = objects(vm.body, "networkInterfaces");
    const nic =
      field === undefined ? interfaces[0] : interfaces.find((item) => keyIn(text(item, field)) === keyIn(link));
    if (nic === undefined) return undefined;
    return { project: projectOf(key), zone: nameOf(scopeOf(key)), instance: nameOf(key), nic: text(nic, "name") };
  }
}

const isTarget = (key: Key): boolean => ["backendServices", "targetInstances"].includes(collectionOf(key));

const same = (left: Delivered | undefined, right: Delivered | undefined): boolean =>
  left === right || (left !== undefined && right !== undefined && JSON.stringify(left) === JSON.stringify(right));
