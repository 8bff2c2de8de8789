// What ties the controller to a fabric that is led: which route is looked at when something has changed in the cloud, what is left
// there of routes that are gone, and when every route has been heard.
import { keyOf } from "../../../lib/model/kubernetes";
import {
  cloudNodeOf,
  type CloudAround,
  type CloudFabric,
  type CloudNode,
  type CloudView,
  type CloudWish,
} from "../fabric/cloud";
import type { Copies } from "./copies";
import { routeKeyOf } from "./keys";
import type { Store } from "./store";

/** Makes the fabric; it does nothing before it is started. */
export type CloudMaker = (around: CloudAround) => CloudFabric;

export interface CloudLinkOptions {
  readonly store: Store;
  /** To be asked before each side effect. */
  readonly isActing: () => boolean;
  readonly touchRoute: (key: string, urgent: boolean) => void;
  /** Has {@link CloudLink.clear} called for the route, in its turn. */
  readonly touchGone: (routeUid: string) => void;
}

export class CloudLink {
  readonly #fabric: CloudFabric;
  readonly #options: CloudLinkOptions;
  /** Keys of routes that have not been heard since this replica leads; undefined while it does not, and when all have been. */
  #unheard: Set<string> | undefined;

  constructor(make: CloudMaker, options: CloudLinkOptions) {
    const { store, isActing } = options;
    this.#options = options;
    this.#fabric = make({
      isActing,
      clusterUid: () => store.copies.namespaces.get("kube-system")?.metadata.uid,
      region: () => regionOf(store.copies),
      node: (name) => cloudNodeOf(store.copies.nodes.get(name)?.spec?.providerID),
      nodeOn: (machine) => nodeOn(store.copies, machine),
      network: (name) => store.cloudNetwork(name),
      changed: (routeUid, urgent) => this.#changed(routeUid, urgent),
    });
  }

  view(routeUid: string): CloudView {
    return this.#fabric.view(routeUid);
  }

  /** This replica leads. */
  start(): void {
    this.#fabric.start();
  }

  /** It leads, and every copy of the cluster is complete: what is left of routes that are gone can be told by now. */
  begin(): void {
    this.#unheard = new Set([...this.#options.store.copies.routes.values()].map(keyOf));
    for (const uid of this.#fabric.routes()) if (!this.#isAlive(uid)) this.#options.touchGone(uid);
    this.#settle();
  }

  /** Another replica leads. */
  pause(): void {
    this.#unheard = undefined;
    this.#fabric.pause();
  }

  stop(): Promise<void> {
    return this.#fabric.stop();
  }

  carryOut(routeUid: string, wish: CloudWish): void {
    switch (wish.verb) {
      case "want":
        return this.#fabric.want(wish.intent);
      case "keep":
        return this.#fabric.keep(routeUid, wish.addresses);
      case "remove":
        return this.#fabric.remove(routeUid);
    }
  }

  /** A route has been looked at, and what it wants was told. */
  heard(routeKey: string): void {
    if (this.#unheard?.delete(routeKey) === true) this.#settle();
  }

  /** Takes away what is left of a route, if that is gone. */
  clear(routeUid: string): void {
    if (!this.#isAlive(routeUid) && this.#fabric.routes().includes(routeUid)) this.#fabric.remove(routeUid);
  }

  #settle(): void {
    if (this.#unheard?.size !== 0) return;
    this.#unheard = undefined;
    this.#fabric.settled();
  }

  #isAlive(routeUid: string): boolean {
    return this.#options.store.routeOf(routeUid) !== undefined;
  }

  #changed(routeUid: string, urgent: boolean): void {
    const { store, touchRoute, touchGone } = this.#options;
    const route = store.routeOf(routeUid);
    if (route !== undefined) return touchRoute(keyOf(route), urgent);
    touchGone(routeUid);
    // Their addresses are free when nothing leads them any more.
    for (const binding of store.copies.bindings.values()) {
      if (binding.spec.route.uid === routeUid) touchRoute(routeKeyOf(binding), false);
    }
  }
}

/** On GKE a node is called like its machine; elsewhere it may not be. */
function nodeOn({ nodes }: Copies, machine: CloudNode): string | undefined {
  const is = (name: string): boolean => {
    const own = cloudNodeOf(nodes.get(name)?.spec?.providerID);
    return own?.instance === machine.instance && own.zone === machine.zone && own.project === machine.project;
  };
  if (is(machine.instance)) return machine.instance;
  return [...nodes.values()].find(({ metadata }) => is(metadata.name))?.metadata.name;
}

/** Of a cluster, which is in one region: the first by name, so that every replica finds the same. */
function regionOf({ nodes }: Copies): string | undefined {
  const zones = [...nodes.values()].flatMap(({ spec }) => cloudNodeOf(spec?.providerID)?.zone ?? []);
  const regions = zones.map((zone) => zone.replace(/-[^-]+$/, ""));
  return regions.sort()[0];
}
