// The stand-in itself: one request in, one answer out, in virtual or in real time.
import type { Clock } from "../../controller-image/src/kube/api";
import { Calls } from "./calls";
import { Conditions } from "./conditions";
import { Delivery, type DeliveryOptions } from "./deliver";
import { ConnectionLost, type CloudRequest, type CloudResponse } from "./exchange";
import { partOf } from "./fields";
import { Faults, type Duration, type Effects } from "./inject";
import { isObject, type JsonObject } from "./json";
import { endpointsGone } from "./kinds/instance";
import { Mutations, type InsertOptions } from "./mutations";
import { Operations } from "./operations";
import { checkScope, placeOf } from "./path";
import { permissionsOf, type Needed } from "./permissions";
import { Reads } from "./reads";
import { errorBody, forbidden, invalid, notFound, Refusal } from "./refusal";
import { Routes, type Route } from "./routes";
import { computeSchema } from "./schema";
import { State, type Key } from "./state";

export interface CloudOptions extends DeliveryOptions {
  readonly clock: Clock;
  /** Projects that exist, each with a network `default` and a subnetwork of that name in every region. @default ["demo"] */
  readonly projects?: readonly string[];
  /** Letters of the zones of each region. @default us-central1 with a, b, c and f */
  readonly regions?: Readonly<Record<string, readonly string[]>>;
  /** How long operations take. @default 200 ms */
  readonly operation?: Duration;
  /** How long answers take. @default 0 */
  readonly latency?: Duration;
  /** Where external addresses come from. @default 203.0.113.0/24 */
  readonly externalRange?: string;
}

const DEFAULT_REGIONS = { "us-central1": ["a", "b", "c", "f"] };
/** Of every request that changes anything. */
const USER = "controller@demo.iam.gserviceaccount.com";
/** How long Google holds a `wait` at most. */
const LONGEST_WAIT_MS = 120_000;

export class ComputeCloud {
  readonly faults: Faults;
  /** What holds until it is changed back: permissions, quotas, rates, tokens, zones. */
  readonly conditions: Conditions;
  /** Every call, with its answer. */
  readonly calls = new Calls();
  readonly delivery: Delivery;
  readonly state = new State();
  readonly #clock: Clock;
  readonly #options: CloudOptions;
  readonly #schema = computeSchema();
  readonly #routes = new Routes(this.#schema);
  readonly #operations: Operations;
  readonly #mutations: Mutations;
  readonly #reads: Reads;
  readonly #projects: ReadonlySet<string>;
  readonly #regions: ReadonlyMap<string, readonly string[]>;

  constructor(options: CloudOptions) {
    const { clock, regions = DEFAULT_REGIONS } = options;
    this.#clock = clock;
    this.#options = options;
    this.#projects = new Set(options.projects ?? ["demo"]);
    const zones = Object.entries(regions).map(([region, letters]): [string, readonly string[]] => [
      region,
      letters.map((letter) => `${region}-${letter}`),
    ]);
    const world = { externalRange: options.externalRange ?? "203.0.113.0/24", regions: new Map(zones) };
    this.#regions = world.regions;
    this.faults = new Faults(clock);
    this.conditions = new Conditions(clock, this.state);
    this.delivery = new Delivery(this.state, clock, this.conditions, options);
    this.#operations = new Operations(clock);
    this.#mutations = new Mutations(this.state, this.#operations, clock, world, this.conditions, this.delivery);
    this.#reads = new Reads(this.#schema, this.#operations, world.regions, this.conditions);
    for (const project of this.#projects) this.#makeDefaults(project, [...world.regions.keys()]);
  }

  /** Operations that are not DONE. */
  get underWay(): number {
    return this.#operations.underWay;
  }

  /** Makes a resource at once, by the rules of the API but without a call; answers its key. */
  make(scope: string, collection: string, body: JsonObject, options: InsertOptions = {}): Key {
    const project = options.project ?? [...this.#projects][0] ?? "";
    return this.#mutations.make(project, scope, collection, body);
  }

  /** A VM that is gone from one moment to the next, as when its host dies and a managed group takes it away. */
  vanish(zone: string, name: string, project = [...this.#projects][0] ?? ""): void {
    const key = `projects/${project}/zones/${zone}/instances/${name}`;
    const vm = this.state.get(key);
    if (vm === undefined) throw new Error(`there is no ${key} that could vanish`);
    const groups = endpointsGone(vm, this.state.usersOf(key), { state: this.state });
    this.#mutations.commit([...groups, { key, gone: true }]);
  }

  /**
   * Answers one request. Rejects with {@link ConnectionLost} when the connection ends without an answer, and with any other error
   * only for a mistake of the stand-in itself: an answer that is not as Google's schema says.
   */
  async handle(request: CloudRequest): Promise<CloudResponse> {
    const [path = "", query = ""] = request.path.split("?");
    const route = this.#routes.find(request.method, path);
    const id = route?.method.id ?? "";
    const effects = this.faults.of(id, `${request.method} ${path}`);
    const call = this.calls.begin({ at: this.#clock.now(), method: request.method, path, id });
    await this.#pause(this.faults.draw(effects.latency ?? this.#options.latency ?? 0));
    if (effects.hang === true) return hung(request.signal);
    if (effects.reset === "before") throw new ConnectionLost();
    const given = { ...Object.fromEntries(new URLSearchParams(query)), ...request.query };
    const response = await this.#answer(request, path, route, given, effects, call.note);
    call.end(response, this.#clock.now());
    if (effects.reset === "after") throw new ConnectionLost();
    return response;
  }

  async #answer(
    request: CloudRequest,
    path: string,
    route: Route | undefined,
    query: Readonly<Record<string, string>>,
    effects: Effects,
    note: (permissions: readonly Needed[]) => void,
  ): Promise<CloudResponse> {
    try {
      this.conditions.checkToken(request.headers?.["authorization"]);
      if (route === undefined) throw new Refusal(404, "notFound", `The API has no ${request.method} ${path}.`);
      if (effects.refuse !== undefined) throw refusalOf(effects.refuse);
      const project = route.params["project"] ?? "";
      if (!this.#projects.has(project)) throw notFound(`projects/${project}`);
      const place = placeOf(route);
      if (place !== undefined) checkScope(place.scope, this.#regions);
      const body = this.#checkedBody(route, request.body);
      checkQuery(route, query);
      const { fields = "" } = query;
      const part = fields === "" ? undefined : partOf(fields, route.method.response, this.#schema);
      this.conditions.checkRate(route);
      const permissions = permissionsOf(route.method.id, body, project);
      note(permissions);
      const missing = permissions.find((one) => !this.conditions.isGranted(one.permission, one.project));
      if (missing !== undefined) {
        throw forbidden(missing.permission, missing.resource ?? path.replace(/^\/compute\/v1\//, ""));
      }
      this.conditions.checkPlace(route.params["zone"]);
      const answer = await this.#dispatch(route, body, query, effects);
      this.#assertValid(route, answer);
      return { status: 200, body: part?.(answer) ?? answer };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: errorBody(error) };
      throw error;
    }
  }

  #dispatch(
    route: Route,
    body: JsonObject,
    query: Readonly<Record<string, string>>,
    effects: Effects,
  ): JsonObject | Promise<JsonObject> {
    const [service = "", call = ""] = route.method.id.split(".");
    if (service.endsWith("Operations")) return this.#operation(route, call, query, effects);
    const then = effects.staleMs === undefined ? this.state : this.state.at(this.#clock.now() - effects.staleMs);
    const read = this.#reads.answer(route, query, then, body);
    if (read !== undefined) return read;
    const isNever = effects.operation === "never";
    const drawn = this.faults.draw(
      isNever ? 0 : ((effects.operation as Duration | undefined) ?? this.#options.operation ?? 200),
    );
    return this.#mutations.begin(route, body, {
      requestId: query["requestId"],
      user: USER,
      ms: isNever ? undefined : drawn,
      failure: effects.operationError === undefined ? undefined : refusalOf(effects.operationError),
    });
  }

  async #operation(
    route: Route,
    call: string,
    query: Readonly<Record<string, string>>,
    effects: Effects,
  ): Promise<JsonObject> {
    const { params } = route;
    const place = params["zone"]
      ? `zones/${params["zone"]}`
      : params["region"]
        ? `regions/${params["region"]}`
        : "global";
    const parent = `projects/${params["project"] ?? ""}/${place}/operations`;
    if (call === "list") return this.#reads.operations(parent, query);
    if (call === "aggregatedList") return this.#reads.aggregatedOperations(route, query);
    if (call === "delete") throw new Refusal(501, "notImplemented", `The stand-in does not know ${route.method.id}.`);
    const key = `${parent}/${params["operation"] ?? ""}`;
    if (call === "wait") {
      const found = await this.#operations.wait(key, effects.earlyWaitMs ?? LONGEST_WAIT_MS);
      if (found !== undefined) return found;
    }
    const found = call === "get" ? this.#operations.get(key) : undefined;
    if (found === undefined) throw notFound(key);
    return found;
  }

  #checkedBody({ method }: Route, body: unknown): JsonObject {
    if (method.body === undefined) {
      // Google's client `@google-cloud/compute` sends the text "" where there is nothing to send.
      const isEmpty = body === undefined || body === "" || (isObject(body) && Object.keys(body).length === 0);
      if (!isEmpty) {
        throw new Refusal(400, "badRequest", `The call ${method.id} has no body.`);
      }
      return {};
    }
    if (body === undefined) throw new Refusal(400, "required", `The call ${method.id} needs a body.`);
    const problems = this.#schema.problems(method.body, body);
    if (problems.length > 0) throw new Refusal(400, "invalid", `Invalid JSON payload received. ${problems.join("; ")}`);
    return body as JsonObject;
  }

  #assertValid({ method }: Route, answer: JsonObject): void {
    const problems = this.#schema.problems(method.response, answer);
    if (problems.length > 0)
      throw new Error(`the stand-in's answer to ${method.id} is not valid: ${problems.join("; ")}`);
  }

  #makeDefaults(project: string, regions: readonly string[]): void {
    this.make("global", "networks", { name: "default", autoCreateSubnetworks: true }, { project });
    regions.forEach((region, i) => {
      const ipCidrRange = `10.${128 + Math.floor(i / 16)}.${(i % 16) * 16}.0/20`;
      this.make(
        `regions/${region}`,
        "subnetworks",
        { name: "default", network: "global/networks/default", ipCidrRange },
        { project },
      );
    });
  }

  #pause(ms: number): Promise<void> {
    return ms <= 0 ? Promise.resolve() : new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}

const refusalOf = ({ status, reason, message }: { status: number; reason: string; message?: string }): Refusal =>
  new Refusal(status, reason, message ?? `Injected ${reason}.`);

/** Parameters that every call has. */
const SYSTEM = new Set([
  "alt",
  "fields",
  "key",
  "prettyPrint",
  "quotaUser",
  "userIp",
  "$.xgafv",
  "$alt",
  "$prettyPrint",
]);

function checkQuery({ method }: Route, query: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(query)) {
    if (SYSTEM.has(name)) continue;
    const type = method.query.get(name);
    if (type === undefined) throw invalid(name, value, `The call ${method.id} has no such parameter.`);
    const fits = type === "bool" ? /^(true|false)$/ : /int/.test(type) ? /^\d+$/ : /^/;
    if (!fits.test(value)) throw invalid(name, value, `It is not of the type ${type}.`);
  }
}

const hung = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => reject(new ConnectionLost());
    if (signal?.aborted === true) end();
    signal?.addEventListener("abort", end, { once: true });
  });
