// Where a kind lives in the API: asked of the API server, and known ahead for kinds whose CRD is in the same program.
import { isNotFound, type KubeClient } from "./client";
import { apiVersionOf, gvkOf, namespaceOf, type GroupVersionKind } from "./object";
import { at, textAt, type JsonObject } from "./values";

export interface ServedKind {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** No API of this kind is served: usually its CustomResourceDefinition is missing. */
export class UnservedKindError extends Error {
  constructor(gvk: GroupVersionKind) {
    super(
      `the API server does not serve ${gvk.kind} in ${apiVersionOf(gvk)}; create its CustomResourceDefinition first, ` +
        `or correct apiVersion and kind`,
    );
    this.name = "UnservedKindError";
  }
}

export class Discovery {
  readonly #client: KubeClient;
  readonly #groups = new Map<string, Promise<ReadonlyMap<string, ServedKind>>>();
  /** `group/kind` → namespaced, from the CRDs that this program declares. */
  readonly #declared = new Map<string, boolean>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Remembers the kind that a CustomResourceDefinition is about to add. */
  declare(crd: JsonObject): void {
    const key = `${textAt(crd, "spec", "group")}/${textAt(crd, "spec", "names", "kind")}`;
    this.#declared.set(key, textAt(crd, "spec", "scope") !== "Cluster");
    this.#groups.clear();
  }

  /** Undefined if the API server does not serve the kind now. */
  async find(gvk: GroupVersionKind): Promise<ServedKind | undefined> {
    const groupVersion = apiVersionOf(gvk);
    const fresh = !this.#groups.has(groupVersion);
    const known = (await this.#kinds(groupVersion)).get(gvk.kind);
    if (known !== undefined || fresh) return known;
    // A CRD may have come since: what is not there is not remembered.
    this.#groups.delete(groupVersion);
    return (await this.#kinds(groupVersion)).get(gvk.kind);
  }

  async require(gvk: GroupVersionKind): Promise<ServedKind> {
    const served = await this.find(gvk);
    if (served === undefined) throw new UnservedKindError(gvk);
    return served;
  }

  /** An unknown kind is taken for namespaced, as most are. */
  async isNamespaced(gvk: GroupVersionKind): Promise<boolean> {
    const declared = this.#declared.get(`${gvk.group}/${gvk.kind}`);
    return declared ?? (await this.find(gvk))?.namespaced ?? true;
  }

  /** The path of an object, or of its collection where no name is given. */
  async path(object: JsonObject, name?: string): Promise<string> {
    const gvk = gvkOf(object);
    const served = await this.require(gvk);
    const root = gvk.group === "" ? `/api/${gvk.version}` : `/apis/${apiVersionOf(gvk)}`;
    const namespace = served.namespaced ? `/namespaces/${encodeURIComponent(namespaceOf(object) || "default")}` : "";
    return `${root}${namespace}/${served.plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
  }

  #kinds(groupVersion: string): Promise<ReadonlyMap<string, ServedKind>> {
    let kinds = this.#groups.get(groupVersion);
    if (kinds === undefined) {
      kinds = this.#ask(groupVersion);
      this.#groups.set(groupVersion, kinds);
      // A failed question is asked again.
      kinds.catch(() => this.#groups.delete(groupVersion));
    }
    return kinds;
  }

  async #ask(groupVersion: string): Promise<ReadonlyMap<string, ServedKind>> {
    const path = groupVersion.includes("/") ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
    let list: JsonObject;
    try {
      list = await this.#client.call({ path });
    } catch (error) {
      if (isNotFound(error)) return new Map();
      throw error;
    }
    const resources = at(list, "resources");
    const kinds = new Map<string, ServedKind>();
    for (const resource of Array.isArray(resources) ? resources : []) {
      const plural = textAt(resource, "name");
      if (plural.includes("/")) continue;
      kinds.set(textAt(resource, "kind"), { plural, namespaced: at(resource, "namespaced") === true });
    }
    return kinds;
  }
}
