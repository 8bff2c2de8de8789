// Keeps the status of our GatewayClasses and Gateways true.
import { acceptRoute } from "../../../lib/model/acceptance";
import { isOurClass } from "../../../lib/model/gateway-acceptance";
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf, RESOURCES, type KubeObject, type Resource } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube } from "../kube/api";
import { classStatus, gatewayStatus } from "./gateway-status";
import { rivalsOf } from "./rivals";
import type { Store } from "./store";
import type { WriteLimit } from "./write-limit";

export class GatewayReconciler {
  readonly #kube: Kube;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limit: WriteLimit;
  readonly #version: { readonly bundle?: string };

  /** @param version of the Gateway API, as far as it is known */
  constructor(kube: Kube, store: Store, clock: Clock, version: { readonly bundle?: string }, limit: WriteLimit) {
    this.#limit = limit;
    this.#kube = kube;
    this.#store = store;
    this.#clock = clock;
    this.#version = version;
  }

  /** Answers when to look again, in milliseconds. */
  async reconcileClass(name: string): Promise<number | undefined> {
    const gatewayClass = this.#store.copies.classes.get(name);
    if (!isOurClass(gatewayClass)) return undefined;
    const status = classStatus(gatewayClass, this.#version.bundle, this.#store, this.#now());
    try {
      return await this.#write(RESOURCES.gatewayClasses, gatewayClass, status);
    } catch (error) {
      // Before Gateway API 1.2 the experimental definition had a list of strings there. The conditions matter more.
      if (!(error instanceof KubeError && error.status === 422)) throw error;
      return this.#write(RESOURCES.gatewayClasses, gatewayClass, status && { conditions: status.conditions });
    }
  }

  /** Answers when to look again, in milliseconds. */
  async reconcileGateway(key: string): Promise<number | undefined> {
    const gateway = this.#store.copies.gateways.get(key);
    const gatewayClass = gateway && this.#store.gatewayClass(gateway.spec.gatewayClassName);
    if (gateway === undefined || !isOurClass(gatewayClass)) return undefined;
    const routes = this.#store.routesOfGateway(key).filter((route) => this.#isAccepted(route));
    return this.#write(
      RESOURCES.gateways,
      gateway,
      gatewayStatus(gateway, gatewayClass, routes, this.#store, this.#now()),
    );
  }

  /** Whether the route says `Accepted`, or is about to. */
  #isAccepted(route: GKEIPRoute): boolean {
    const verdict = acceptRoute(route, this.#store);
    return verdict.accepted && rivalsOf(route, verdict, this.#store).size === 0;
  }

  async #write(resource: Resource, { metadata }: KubeObject, status: object | undefined): Promise<number | undefined> {
    if (status === undefined) return undefined;
    const { name, namespace, resourceVersion } = metadata;
    const text = `${resource.kind} ${keyOf({ metadata })}`;
    const waitMs = this.#limit.waitMs(text);
    if (waitMs > 0) return waitMs;
    try {
      await this.#kube.mergePatch(resource, { name, namespace }, { metadata: { resourceVersion }, status }, "status");
      this.#limit.wrote(text);
    } catch (error) {
      // Deleted meanwhile: there is nobody left to tell. But a server that has just started answers 404 for everything.
      const copies = namespace === undefined ? this.#store.copies.classes : this.#store.copies.gateways;
      const known = copies.get(keyOf({ metadata }))?.metadata.uid === metadata.uid;
      if (!(error instanceof KubeError && error.status === 404) || known) throw error;
    }
    return undefined;
  }

  #now(): string {
    return new Date(this.#clock.wallTime()).toISOString();
  }
}
