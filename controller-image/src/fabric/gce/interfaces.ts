// Interfaces of VMs. They cannot change while a VM lives (another VM of the same name may have others), so each VM is read once,
// when it first has to be known, and again when the cloud has refused what followed from it.
import { DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK } from "../../../../lib/model/gke-api";
import type { CloudNetwork, CloudNode } from "../cloud";
import type { Instance } from "./compute";
import type { Nic } from "./plan";
import { nameIn } from "./refs";

/** What does not exist is asked for again after this. */
const MISSING_MS = 30_000;

export class Interfaces {
  readonly #instances = new Map<string, { readonly instance: Instance | undefined; readonly at: number }>();

  /** @param network what a Network is in the cloud; not asked for the default one, which is the first interface */
  constructor(
    private readonly network: (name: string) => CloudNetwork | undefined,
    private readonly now: () => number,
  ) {}

  set(zone: string, name: string, instance: Instance | undefined): void {
    this.#instances.set(`${zone}/${name}`, { instance, at: this.now() });
  }

  forget(zone: string, name: string): void {
    this.#instances.delete(`${zone}/${name}`);
  }

  of({ zone, instance }: CloudNode, network: string): Nic | "unread" | undefined {
    const read = this.#instances.get(`${zone}/${instance}`);
    if (read === undefined) return "unread";
    const found = this.#pick(read.instance, network);
    return found === undefined && this.now() - read.at >= MISSING_MS ? "unread" : found;
  }

  #pick(instance: Instance | undefined, name: string): Nic | undefined {
    const nics = instance?.networkInterfaces ?? [];
    const isDefault = name === DEFAULT_NETWORK || name === LEGACY_DEFAULT_NETWORK;
    const wanted = isDefault ? undefined : this.network(name);
    const isWanted = (nic: (typeof nics)[number]): boolean =>
      wanted !== undefined &&
      nameIn(nic.network ?? "") === wanted.vpc &&
      nameIn(nic.subnetwork ?? "") === wanted.vpcSubnet;
    const index = isDefault ? 0 : nics.findIndex(isWanted);
    const { network, subnetwork } = nics[index] ?? {};
    return network === undefined || subnetwork === undefined
      ? undefined
      : { network, subnetwork, isFirst: index === 0 };
  }
}
