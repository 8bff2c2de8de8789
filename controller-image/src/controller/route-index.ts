// Which routes an event concerns, without looking at every route: by what a route names.
import { claimedAddresses } from "../../../lib/model/acceptance";
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import { parentKeys } from "./keys";
import { SelectorIndex } from "./selector-index";
import { SetIndex } from "./set-index";

export class RouteIndex {
  readonly byNamespace = new SetIndex();
  readonly byAddress = new SetIndex();
  readonly byGateway = new SetIndex();
  readonly byNetwork = new SetIndex();
  readonly bySelector = new SelectorIndex();
  readonly #byUid = new Map<string, string>();

  change(verb: "add" | "remove", route: GKEIPRoute, key: string): void {
    const { uid = "", namespace = "" } = route.metadata;
    this.byNamespace[verb](namespace, key);
    this.byNetwork[verb](route.spec.network ?? "", key);
    this.bySelector[verb](route, key);
    for (const gateway of parentKeys(route)) this.byGateway[verb](gateway, key);
    for (const address of claimedAddresses(route)) this.byAddress[verb](address, key);
    if (verb === "add") this.#byUid.set(uid, key);
    else this.#byUid.delete(uid);
  }

  keyOf(uid: string): string | undefined {
    return this.#byUid.get(uid);
  }
}
