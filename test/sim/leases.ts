// Where the Lease is kept: a store as small as the one object in it, because it is written every second.
import { KubeError } from "../../controller-image/src/kube/api";
import type { Lease } from "../../controller-image/src/kube/election";
import type { KubeObject } from "../../lib/model/kubernetes";

export class LeaseStore {
  #lease: Lease | undefined;
  #version = 0;

  get(): Lease | undefined {
    return this.#lease;
  }

  /** Empty when nobody has it. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  create(object: KubeObject): KubeObject {
    if (this.#lease !== undefined) throw new KubeError(409, "AlreadyExists", "the Lease exists");
    return this.#write(object);
  }

  replace(object: KubeObject): KubeObject {
    if (this.#lease === undefined) throw new KubeError(404, "NotFound", "there is no Lease");
    if (object.metadata.resourceVersion !== this.#lease.metadata.resourceVersion) {
      throw new KubeError(409, "Conflict", "somebody else wrote the Lease");
    }
    return this.#write(object);
  }

  /** Somebody has it say that nobody holds it, though its holder works on: who takes a node for lost takes it from there, too. */
  giveUp(): void {
    if (this.#lease === undefined) return;
    this.#write({ ...this.#lease, spec: { ...this.#lease.spec, holderIdentity: "" } } as Lease);
  }

  #write(object: KubeObject): Lease {
    const resourceVersion = String(++this.#version);
    return (this.#lease = Object.freeze({ ...object, metadata: { ...object.metadata, resourceVersion } }));
  }
}
