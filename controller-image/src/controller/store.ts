// Everything the controller knows of the cluster: live copies, and the indexes that tell which routes an event
// concerns. It decides nothing.
import { claimedAddresses, type ClusterView } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import type { ControllerMeans } from "../../../lib/model/gateway-acceptance";
import type { PastMove } from "../../../lib/model/damping";
import {
  GKE_CONTROLLER_NAME,
  type Gateway,
  type GatewayClass,
  type GKEIPRoute,
  type Network,
} from "../../../lib/model/gke-api";
import { keyOf, RESOURCES, type Namespace, type Node, type Pod } from "../../../lib/model/kubernetes";
import { isCordoned } from "../../../lib/model/node-health";
import type { Change, Clock, Kube } from "../kube/api";
import type { CloudNetwork } from "../fabric/cloud";
import type { Peer } from "../liveness/message";
import { isHeld, type NodeView } from "./handover";
import { after, nodesOf, paramsOf, parentKeys, present, routeKeyOf, versionOf } from "./keys";
import { type Hearing, NodeStates } from "./node-states";
import { isNoNews, routesConcerned } from "./pod-changes";
import { PodIndex } from "./pod-index";
import { MoveLog } from "./move-log";
import { MovedAway } from "./moved";
import { Copies } from "./copies";
import { decodeBinding } from "./decoders";
import { OwnWrites } from "./own-writes";
import { isNodeReady, nodeAddress } from "./projections";
import { RouteIndex } from "./route-index";
import { SetIndex } from "./set-index";
import { Waits } from "./waits";

/** What has to be looked at again because of an event. */
export interface Touched {
  /** @param urgent packets are being lost until it is looked at */
  route(key: string, urgent?: boolean): void;
  /** @param uid of a route that is there no more */
  gone(uid: string): void;
  gateway(key: string): void;
  gatewayClass(name: string): void;
  clusterRanges(): void;
}

export interface StoreOptions extends ControllerMeans {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly touched: Touched;
  /** Every copy is complete. */
  readonly onSynced: () => void;
}

const machineOf = ({ spec }: Node): string | undefined => spec?.providerID;

export class Store implements ClusterView {
  readonly cloud: boolean;
  readonly copies: Copies;

  readonly #touched: Touched;
  readonly #routes = new RouteIndex();
  readonly #podIndex = new PodIndex((key) => this.copies.pods.get(key));
  readonly #podsByNode = new SetIndex();
  readonly #bindingsByRoute = new SetIndex();
  readonly #bindingsByNode = new SetIndex();
  readonly #gatewaysByClass = new SetIndex();
  readonly #nodeStates: NodeStates;
  readonly #moves: MoveLog;
  /** Our own last write to a binding, until the watch has caught up with it. */
  readonly #written: OwnWrites<AddressBinding>;
  /** By address: bindings that somebody deleted while a node may still have had the address, as they were. */
  readonly #deleted = new Map<string, AddressBinding>();
  #gkeWasPresent = false;
  /** Routes that were looked at before their Pods were known. */
  readonly #uncovered = new Set<string>();
  readonly #waits: Waits;
  readonly #movedAway = new MovedAway();

  constructor({ kube, clock, touched, onSynced, cloud }: StoreOptions) {
    this.cloud = cloud;
    this.#touched = touched;
    this.#waits = new Waits(clock);
    this.#nodeStates = new NodeStates(clock, (name) => this.#touchRoutesOfNode(name));
    this.#moves = new MoveLog(clock, (node) => this.lostNodes.has(node));
    this.#written = new OwnWrites({
      clock,
      kube,
      resource: RESOURCES.addressBindings,
      decode: decodeBinding,
      cached: (address) => this.copies.bindings.get(address),
      onCorrected: (address, before) => this.#onCorrected(address, before),
    });
    this.copies = new Copies(
      { kube, cloud, onSynced },
      {
        pod: (change) => this.#onPod(change),
        covered: () => this.#onCovered(),
        gatewayClass: (change) => this.#onClass(change),
        gateway: (change) => this.#onGateway(change),
        route: (change) => this.#onRoute(change),
        network: ({ key }) => this.#touchAll(this.#routes.byNetwork.get(key)),
        networkParams: ({ key }) => this.#onNetworkParams(key),
        namespace: (change) => this.#onNamespace(change),
        node: (change) => this.#onNode(change),
        binding: (change) => this.#onBinding(change),
      },
    );
  }

  stop(): void {
    this.#written.stop();
    this.#nodeStates.stop();
    this.copies.stop();
  }

  /** Names every object once, for the first look. Bindings name their routes too, also routes that are gone. */
  touchEverything(): void {
    this.#touched.clusterRanges();
    for (const { metadata } of this.copies.classes.values()) this.#touched.gatewayClass(metadata.name);
    for (const gateway of this.copies.gateways.values()) this.#touched.gateway(keyOf(gateway));
    for (const route of this.copies.routes.values()) this.#touched.route(keyOf(route));
    for (const binding of this.copies.bindings.values()) this.#touched.route(routeKeyOf(binding));
    // Whoever takes over from a replica on a lost node looks first at what was lost with it.
    for (const name of this.lostNodes) this.#touchRoutesOfNode(name, true);
  }

  gatewayClass(name: string): GatewayClass | undefined {
    return this.copies.classes.get(name);
  }

  gateway(namespace: string, name: string): Gateway | undefined {
    return this.copies.gateways.get(`${namespace}/${name}`);
  }

  network(name: string): Network | undefined {
    return this.copies.networks.get(name);
  }

  /** What a Network is in the cloud, as far as its parameters say it. */
  cloudNetwork(name: string): CloudNetwork | undefined {
    const { vpc, vpcSubnet } =
      this.copies.networkParams?.get(paramsOf(this.copies.networks.get(name)) ?? "")?.spec ?? {};
    return vpc === undefined || vpcSubnet === undefined ? undefined : { vpc, vpcSubnet };
  }

  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined {
    const namespace = this.copies.namespaces.get(name);
    return namespace && (namespace.metadata.labels ?? {});
  }

  /** @param asked a node that the API server has been asked for, in case the watch does not have it */
  node(name: string, asked?: Node): NodeView | undefined {
    const node = this.copies.nodes.get(name) ?? asked;
    return node && this.#nodeStates.view(node);
  }

  /** The same, and a node whose object was deleted a moment ago while it was heard: it may still have addresses. */
  mayHold(name: string, asked?: Node): NodeView | undefined {
    return this.node(name, asked) ?? this.#nodeStates.removed(name);
  }

  /** Those nodes. */
  *mayHoldNodes(): Iterable<Node> {
    yield* this.copies.nodes.values();
    yield* this.#nodeStates.removedNodes();
  }

  listen(hears: Hearing): void {
    this.#nodeStates.listen(hears);
  }

  /** Whether a binding names the node: it has an address, or is to let one go. */
  isBound(nodeName: string): boolean {
    return this.#bindingsByNode.has(nodeName);
  }

  /** Bindings that name the node. */
  bindingsOn(nodeName: string): AddressBinding[] {
    return present(this.#bindingsByNode.get(nodeName), (address) => this.binding(address));
  }

  /** What the node is to be told: addresses that it had, each with the node that has it now. */
  movedFrom(nodeName: string): readonly Peer[] {
    return this.#movedAway.from(nodeName);
  }

  /** Nodes that do not answer. */
  get lostNodes(): ReadonlySet<string> {
    return this.#nodeStates.lost;
  }

  /** The verdict on a node: whether it answers. Its routes are looked at before all others. */
  setLost(name: string, lost: boolean): void {
    if (this.#nodeStates.setLost(name, lost)) this.#touchRoutesOfNode(name, true);
  }

  /** Whether Google's own controller runs here too; then routes that nobody can place are left to it. */
  get gkeControllerPresent(): boolean {
    for (const { spec } of this.copies.classes.values()) if (spec.controllerName === GKE_CONTROLLER_NAME) return true;
    return false;
  }

  /** Whether the Pods of the route are known; if not, it is looked at again once they are. */
  seesPodsOf(route: GKEIPRoute): boolean {
    const sees = this.copies.pods.covers(route);
    if (!sees) this.#uncovered.add(keyOf(route));
    return sees;
  }

  /** Pods that the route may choose from, and those that have its addresses now, whatever their labels say. */
  podsFor(route: GKEIPRoute, bindings: readonly AddressBinding[]): Pod[] {
    const keys = new Set(this.#podIndex.candidates(route));
    const namespace = route.metadata.namespace ?? "";
    for (const { spec } of bindings) if (spec.owner !== undefined) keys.add(`${namespace}/${spec.owner.podName}`);
    return present(keys, (key) => this.copies.pods.get(key));
  }

  binding(address: string): AddressBinding | undefined {
    return this.#written.get(address) ?? this.copies.bindings.get(address);
  }

  /** What the binding of the address said last, where there is none and somebody deleted it while a node may still have had the address. */
  formerBinding(address: string): AddressBinding | undefined {
    return this.#deleted.get(address);
  }

  /** Bindings that name this route, whatever its UID. */
  bindingsOf(routeKey: string): AddressBinding[] {
    return present(this.#bindingsByRoute.get(routeKey), (address) => this.binding(address));
  }

  routesClaiming(address: string): GKEIPRoute[] {
    return present(this.#routes.byAddress.get(address), (key) => this.copies.routes.get(key));
  }

  routesOfGateway(gatewayKey: string): GKEIPRoute[] {
    return present(this.#routes.byGateway.get(gatewayKey), (key) => this.copies.routes.get(key));
  }

  /** The living route of this UID. */
  routeOf(uid: string): GKEIPRoute | undefined {
    return this.copies.routes.get(this.#routes.keyOf(uid) ?? "");
  }

  /** How long the present wait of an address has lasted, in milliseconds. */
  waitedMs(address: string): number {
    return this.#waits.ms(address, this.binding(address));
  }

  /** Moves of an address that still count. */
  movesOf(address: string): readonly PastMove[] {
    return this.#moves.of(address);
  }

  /**
   * Our own write counts at once; the watch may be behind it.
   *
   * @param failed the Pod that had the address until now could not serve any more
   */
  noteWritten(binding: AddressBinding, failed: boolean): void {
    const { address } = binding.spec;
    this.#moves.saw(binding, failed);
    const cached = this.copies.bindings.get(address);
    if (cached !== undefined && versionOf(cached) >= versionOf(binding)) return;
    this.#written.set(address, binding);
    this.#bindingsByRoute.add(routeKeyOf(binding), address);
    this.#note(address);
  }

  #note(address: string): void {
    const binding = this.binding(address);
    this.#waits.note(address, binding);
    this.#movedAway.note(address, binding);
  }

  #touchAll(routeKeys: Iterable<string>): void {
    for (const key of routeKeys) this.#touched.route(key);
  }

  /** Routes that have an address there, and those that have a Pod there that could. */
  #touchRoutesOfNode(name: string, urgent = false): void {
    const routes = new Set<string>();
    for (const address of this.#bindingsByNode.get(name)) {
      const binding = this.binding(address);
      if (binding !== undefined) routes.add(routeKeyOf(binding));
    }
    for (const key of this.#podsByNode.get(name)) {
      const pod = this.copies.pods.get(key);
      if (pod !== undefined) for (const route of this.#routes.bySelector.selecting(pod)) routes.add(route);
    }
    for (const key of routes) this.#touched.route(key, urgent);
  }

  #onRoute(change: Change<GKEIPRoute>): void {
    const { key, old } = change;
    const object = after(change);
    for (const route of [old, object]) {
      if (route === undefined) continue;
      const verb = route === object ? "add" : "remove";
      this.#routes.change(verb, route, key);
      this.#podIndex[verb === "add" ? "addRoute" : "removeRoute"](route);
    }
    if (object !== undefined) this.copies.pods.need(object);
    this.#touched.route(key);
    if (old !== undefined && old.metadata.uid !== object?.metadata.uid) this.#touched.gone(old.metadata.uid ?? "");
    for (const route of [old, object]) {
      if (route === undefined) continue;
      for (const gateway of parentKeys(route)) this.#touched.gateway(gateway);
      if (old?.metadata.generation === object?.metadata.generation && object !== undefined) continue;
      for (const address of claimedAddresses(route)) this.#touchAll(this.#routes.byAddress.get(address));
    }
  }

  #onGateway(change: Change<Gateway>): void {
    const { key, old } = change;
    const object = after(change);
    if (old !== undefined) this.#gatewaysByClass.remove(old.spec.gatewayClassName, key);
    if (object !== undefined) this.#gatewaysByClass.add(object.spec.gatewayClassName, key);
    this.#touched.gateway(key);
    if (old?.metadata.generation !== object?.metadata.generation) this.#touchAll(this.#routes.byGateway.get(key));
  }

  #onClass({ key }: Change<GatewayClass>): void {
    this.#touched.gatewayClass(key);
    const present = this.gkeControllerPresent;
    // Routes without a Gateway to be found change sides, and no index knows them.
    if (present !== this.#gkeWasPresent)
      for (const route of this.copies.routes.values()) this.#touched.route(keyOf(route));
    this.#gkeWasPresent = present;
    for (const gateway of this.#gatewaysByClass.get(key)) {
      this.#touched.gateway(gateway);
      this.#touchAll(this.#routes.byGateway.get(gateway));
    }
  }

  #onNetworkParams(key: string): void {
    for (const network of this.copies.networks.values()) {
      if (paramsOf(network) === key) this.#touchAll(this.#routes.byNetwork.get(network.metadata.name));
    }
  }

  #onNamespace({ key }: Change<Namespace>): void {
    for (const routeKey of this.#routes.byNamespace.get(key)) {
      this.#touched.route(routeKey);
      const route = this.copies.routes.get(routeKey);
      if (route !== undefined) for (const gateway of parentKeys(route)) this.#touched.gateway(gateway);
    }
  }

  #onPod(change: Change<Pod>): void {
    if (isNoNews(change)) return;
    const { key, old } = change;
    const object = after(change);
    for (const pod of [old, object]) {
      if (pod === undefined) continue;
      const verb = pod === object ? "add" : "remove";
      this.#podIndex[verb](pod, key);
      if (pod.spec?.nodeName) this.#podsByNode[verb](pod.spec.nodeName, key);
    }
    this.#touchAll(routesConcerned(change, (pod) => this.#routes.bySelector.selecting(pod)));
  }

  #onCovered(): void {
    const routes = [...this.#uncovered];
    this.#uncovered.clear();
    this.#touchAll(routes);
  }

  #onNode(change: Change<Node>): void {
    const { key, old } = change;
    const object = after(change);
    const changed = (read: (node: Node) => unknown): boolean => (old && read(old)) !== (object && read(object));
    if (changed(nodeAddress) || changed((node) => node.spec?.podCIDRs?.join())) this.#touched.clusterRanges();
    this.#nodeStates.note(key, object, old);
    if (changed(nodeAddress) || changed(isNodeReady) || changed(isCordoned) || changed(machineOf))
      this.#touchRoutesOfNode(key);
  }

  #onBinding(change: Change<AddressBinding>): void {
    const { key, old } = change;
    const object = after(change);
    const written = this.#written.get(key);
    if (written !== undefined && (object === undefined || versionOf(object) >= versionOf(written))) {
      this.#written.delete(key);
      this.#bindingsByRoute.remove(routeKeyOf(written), key);
    }
    for (const binding of [old, object]) {
      if (binding === undefined) continue;
      const verb = binding === object ? "add" : "remove";
      this.#bindingsByRoute[verb](routeKeyOf(binding), key);
      for (const node of nodesOf(binding)) this.#bindingsByNode[verb](node, key);
    }
    this.#note(key);
    // What the watch had not shown yet is the newest.
    const last = object === undefined ? (written ?? old) : undefined;
    if (last !== undefined && isHeld(last)) this.#deleted.set(key, last);
    else this.#deleted.delete(key);
    if (object === undefined) this.#moves.forget(key);
    else this.#moves.saw(object);
    for (const binding of [old, object]) if (binding !== undefined) this.#touched.route(routeKeyOf(binding));
    if (object === undefined) this.#touchAll(this.#routes.byAddress.get(key));
  }

  /** The server has lost what was written last, or has something newer. */
  #onCorrected(address: string, before: AddressBinding): void {
    const now = this.binding(address);
    this.#bindingsByRoute.remove(routeKeyOf(before), address);
    for (const binding of [this.copies.bindings.get(address), now]) {
      if (binding !== undefined) this.#bindingsByRoute.add(routeKeyOf(binding), address);
    }
    this.#note(address);
    for (const binding of [before, now]) if (binding !== undefined) this.#touched.route(routeKeyOf(binding));
    this.#touchAll(this.#routes.byAddress.get(address));
  }
}
