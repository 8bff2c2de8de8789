// The API server as one of several replicas may use it: everybody reads, only the leader writes.
import type { KubeObject, Resource } from "../../../lib/model/kubernetes";
import type { Kube, KubeApi, ObjectRef, Reflector, ReflectorOptions } from "./api";

/** A write that was not made. */
export class NotLeadingError extends Error {
  constructor() {
    super("this replica leads no more, so it writes nothing");
    this.name = "NotLeadingError";
  }
}

/** Asks before every single write, so that work which began while leading ends at the next one. */
export class LeaderOnly implements Kube {
  constructor(
    private readonly kube: Kube,
    private readonly isLeading: () => boolean,
  ) {}

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    return this.kube.get(resource, ref);
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    return this.#write((kube) => kube.create(resource, object));
  }

  replace<T extends KubeObject>(resource: Resource, object: T, subresource?: "status"): Promise<T> {
    return this.#write((kube) => kube.replace(resource, object, subresource));
  }

  mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    subresource?: "status",
  ): Promise<T> {
    return this.#write((kube) => kube.mergePatch(resource, ref, patch, subresource));
  }

  apply<T extends KubeObject>(resource: Resource, object: T, fieldManager: string, subresource?: "status"): Promise<T> {
    return this.#write((kube) => kube.apply(resource, object, fieldManager, subresource));
  }

  delete(
    resource: Resource,
    ref: ObjectRef,
    preconditions?: { uid?: string; resourceVersion?: string },
  ): Promise<void> {
    return this.#write((kube) => kube.delete(resource, ref, preconditions));
  }

  reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    return this.kube.reflect(options);
  }

  close(): void {
    this.kube.close();
  }

  #write<T>(act: (kube: KubeApi) => Promise<T>): Promise<T> {
    return this.isLeading() ? act(this.kube) : Promise.reject(new NotLeadingError());
  }
}
