// Calls that change something: what is refused at once, what an operation brings about, and what it finds changed by then.
import { createHash } from "node:crypto";

import type { Clock } from "../../controller-image/src/kube/api";
import type { Conditions } from "./conditions";
import type { Delivery } from "./deliver";
import { merged, text, without, type JsonObject } from "./json";
import type { Kind, Site, World } from "./kind";
import { KINDS } from "./kinds";
import { linkOf } from "./links";
import { identifier, timestamp, type Operations } from "./operations";
import { checkScope, placeOf, type Place } from "./path";
import { exists, inUse, invalid, notFound, notReady, Refusal, required } from "./refusal";
import type { Route } from "./routes";
import type { Change, Key, Resource, State } from "./state";

export interface InsertOptions {
  /** @default the first one */
  readonly project?: string;
}

export interface MutationOptions {
  readonly requestId?: string;
  readonly user: string;
  /** How long the operation takes; undefined for one that never ends. */
  readonly ms: number | undefined;
  /** What the operation ends with. */
  readonly failure?: Refusal;
}

/** A change as it was asked for: looked at when it is accepted, and again when it takes effect. */
interface Asked {
  readonly kind: Kind;
  readonly call: string;
  readonly place: Place;
  readonly site: Site;
  readonly body: JsonObject;
  /** What a new resource is given: id and time. */
  readonly made: ReadonlyMap<string, string>;
}

interface Lock {
  readonly call: string;
  readonly body: JsonObject;
  count: number;
}

const NAME = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const COMMON = ["id", "kind", "creationTimestamp", "selfLink", "selfLinkWithId", "region", "zone"];

export class Mutations {
  readonly #locks = new Map<Key, Lock>();
  /** Operations by what asked for them, so that the same request is the same operation. */
  readonly #replays = new Map<string, Key>();
  #count = 0;

  constructor(
    readonly state: State,
    readonly operations: Operations,
    readonly clock: Clock,
    readonly world: World,
    readonly conditions: Conditions,
    readonly delivery: Delivery,
  ) {}

  /** Accepts the call; answers its operation. */
  begin(route: Route, body: JsonObject, options: MutationOptions): JsonObject {
    const { id } = route.method;
    const call = id.split(".")[1] ?? "";
    const place = placeOf(route);
    const kind = place === undefined ? undefined : KINDS.get(place.collection);
    if (place === undefined || kind === undefined || !does(kind, call)) {
      throw new Refusal(501, "notImplemented", `The stand-in does not know ${id}.`);
    }
    const replay = this.#replayKey(place, id, options.requestId);
    const first = replay === undefined ? undefined : this.operations.get(this.#replays.get(replay) ?? "");
    if (first !== undefined) return first;
    const key = `${place.parent}/${place.name ?? nameIn(body)}`;
    const asked = this.#asked(kind, call, place, key, body);
    const changes = (): readonly Change[] => this.#changes(asked);
    this.#checkLock(key, call, kind);
    if (call === "insert") this.conditions.checkQuota(place, body, this.#beingMade(place.collection));
    changes();
    this.#lock(key, call, body);
    const { failure } = options;
    const operation = this.operations.begin(
      {
        project: place.project,
        scope: place.scope,
        type: operationType(place.collection, call),
        target: key,
        targetId: text(this.state.get(key)?.body ?? {}, "id") || asked.made.get("id"),
        requestId: options.requestId,
        user: options.user,
        ms: options.ms,
        effect: () => {
          if (failure !== undefined) throw failure;
          this.commit(changes());
        },
      },
      () => this.#unlock(key),
    );
    if (replay !== undefined)
      this.#replays.set(replay, `projects/${place.project}/${place.scope}/operations/${text(operation, "name")}`);
    return operation;
  }

  /** Makes a resource at once. */
  make(project: string, scope: string, collection: string, body: JsonObject): Key {
    const kind = KINDS.get(collection);
    if (kind?.insert === undefined) throw new Error(`the stand-in cannot make ${collection}`);
    checkScope(scope, this.world.regions);
    const place: Place = { project, scope, collection, parent: `projects/${project}/${scope}/${collection}` };
    const key = `${place.parent}/${nameIn(body)}`;
    this.commit(this.#changes(this.#asked(kind, "insert", place, key, body)));
    return key;
  }

  commit(changes: readonly Change[]): void {
    const before = this.delivery.concerned(changes);
    this.state.apply(changes, this.clock.now());
    this.delivery.follow(new Set([...before, ...this.delivery.concerned(changes)]));
  }

  #asked(kind: Kind, call: string, place: Place, key: Key, body: JsonObject): Asked {
    const site = this.#site(place, key);
    const made = new Map([
      ["id", identifier(`${key} ${site.stamp}`)],
      ["creationTimestamp", timestamp(this.clock)],
    ]);
    return { kind, call, place, site, body, made };
  }

  #changes(asked: Asked): readonly Change[] {
    const { kind, call, site, body } = asked;
    const { key } = site;
    const resource = this.state.get(key);
    if (call === "insert") return this.#inserted(asked);
    if (resource === undefined) throw notFound(key);
    if (call !== "delete") return kind.actions?.[call]?.(resource, body, site) ?? [];
    const [user] = kind.goesWhileUsed === true ? [] : this.state.usersOf(key);
    if (user !== undefined) throw inUse(key, user);
    return [...(kind.remove?.(resource, site) ?? []), { key, gone: true }];
  }

  #inserted({ kind, place, site, body, made }: Asked): readonly Change[] {
    const { key } = site;
    if (this.state.get(key) !== undefined) throw exists(key);
    // Null is as good as nothing.
    const given = merged({}, without(body, [...COMMON, ...(kind.serverSet ?? [])]));
    const result = kind.insert?.(given, site);
    if (result === undefined) throw new Error(`${kind.collection} cannot be made`);
    const link = linkOf(`projects/${place.project}/${place.scope}`);
    const resource: Resource = {
      key,
      uses: result.uses ?? [],
      endpoints: result.endpoints,
      body: {
        kind: `compute#${kind.message.charAt(0).toLowerCase()}${kind.message.slice(1)}`,
        ...Object.fromEntries(made),
        ...result.body,
        selfLink: linkOf(key),
        ...(kind.scope === "regions" ? { region: link } : kind.scope === "zones" ? { zone: link } : {}),
      },
    };
    return [resource, ...(result.also ?? [])];
  }

  #site(place: Place, key: Key): Site {
    this.#count++;
    return {
      state: this.state,
      project: place.project,
      scope: place.scope,
      key,
      stamp: createHash("sha256").update(`${key} ${this.#count}`).digest().subarray(0, 8).toString("base64"),
      world: this.world,
      isBeingMade: (other) => this.#locks.get(other)?.call === "insert",
    };
  }

  #beingMade(collection: string): { key: Key; body: JsonObject }[] {
    return [...this.#locks]
      .filter(([key, { call }]) => call === "insert" && key.includes(`/${collection}/`))
      .map(([key, { body }]) => ({ key, body }));
  }

  #replayKey(place: Place, id: string, requestId: string | undefined): string | undefined {
    if (requestId === undefined) return undefined;
    if (!UUID.test(requestId) || /^[0-]+$/.test(requestId)) {
      throw invalid("requestId", requestId, "It must be a valid UUID, and not the zero UUID.");
    }
    return `${place.project}/${place.scope}/${id}/${requestId.toLowerCase()}`;
  }

  #checkLock(key: Key, call: string, { concurrent = [] }: Kind): void {
    const lock = this.#locks.get(key);
    if (lock === undefined || (concurrent.includes(call) && concurrent.includes(lock.call))) return;
    throw call === "insert" && lock.call === "insert" ? exists(key) : notReady(key);
  }

  #lock(key: Key, call: string, body: JsonObject): void {
    const lock = this.#locks.get(key);
    if (lock === undefined) this.#locks.set(key, { call, body, count: 1 });
    else lock.count++;
  }

  #unlock(key: Key): void {
    const lock = this.#locks.get(key);
    if (lock === undefined || --lock.count > 0) return;
    this.#locks.delete(key);
  }
}

/** As operations name what they do; those of zonal groups are told with the collection, others by the verb alone. */
function operationType(collection: string, call: string): string {
  if (collection === "networkEndpointGroups") return `compute.${collection}.${call}`;
  return call === "setTarget" ? "SetTarget" : call;
}

const does = (kind: Kind, call: string): boolean =>
  (call === "insert" && kind.insert !== undefined) || call === "delete" || kind.actions?.[call] !== undefined;

function nameIn(body: JsonObject): string {
  const name = text(body, "name");
  if (name === "") throw required("resource.name");
  if (!NAME.test(name)) {
    throw invalid("resource.name", name, "Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?'");
  }
  return name;
}
