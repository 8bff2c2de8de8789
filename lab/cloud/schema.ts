// Google's own description of Compute's v1 API, from the descriptors in the npm package `@google-cloud/compute`. It is only
// read: that package's client is never loaded.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { isObject } from "./json";

interface Field {
  readonly type: string;
  readonly rule?: "repeated";
  readonly keyType?: string;
}
interface Message {
  readonly fields: Readonly<Record<string, Field>>;
  readonly nested?: Readonly<Record<string, Message | Values>>;
}
interface Values {
  readonly values: Readonly<Record<string, number>>;
}
interface Rpc {
  readonly requestType: string;
  readonly responseType: string;
  readonly parsedOptions: readonly Readonly<Record<string, unknown>>[];
}
interface Service {
  readonly methods: Readonly<Record<string, Rpc>>;
}
type Entry = Message | Service | Values;

/** One call of the API. */
export interface Method {
  /** As Google's documentation names it: `forwardingRules.setTarget`. */
  readonly id: string;
  readonly verb: string;
  /** `/compute/v1/projects/{project}/regions/{region}/forwardingRules/{forwarding_rule}` */
  readonly template: string;
  /** Message of the body; undefined for calls that have none. */
  readonly body?: string;
  readonly response: string;
  /** What the query may say, with the type of each. */
  readonly query: ReadonlyMap<string, string>;
}

/** Services of the descriptors whose routes the stand-in knows. */
const SERVICES = [
  "Addresses",
  "BackendServices",
  "Firewalls",
  "ForwardingRules",
  "GlobalOperations",
  "Instances",
  "NetworkEndpointGroups",
  "Networks",
  "PublicAdvertisedPrefixes",
  "PublicDelegatedPrefixes",
  "RegionBackendServices",
  "RegionHealthChecks",
  "RegionOperations",
  "Regions",
  "Subnetworks",
  "TargetInstances",
  "ZoneOperations",
  "Zones",
];

const lowerFirst = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1);
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

export class Schema {
  readonly methods: readonly Method[];
  readonly #messages: Readonly<Record<string, Entry>>;

  constructor(entries: Readonly<Record<string, Entry>>, services: readonly string[]) {
    this.methods = services.flatMap((service) => methodsOf(service, entries));
    // 12 MB of descriptors would stay in memory for the few messages that are used.
    this.#messages = reachable(entries, [
      ...this.methods.flatMap(({ body, response }) => (body === undefined ? [response] : [body, response])),
    ]);
  }

  /** What is wrong with a value, one line each, with the path to it. */
  problems(message: string, value: unknown): string[] {
    const found = this.#messages[message];
    if (found === undefined || !("fields" in found)) throw new Error(`the schema has no message ${message}`);
    const problems: string[] = [];
    this.#walk(found, value, "", problems);
    return problems;
  }

  /** Name of the field of a message that lists messages of a type: `forwardingRules` of `ForwardingRulesScopedList`. */
  listField(message: string, of: string): string | undefined {
    const found = this.#messages[message];
    if (found === undefined || !("fields" in found)) return undefined;
    return Object.entries(found.fields).find(([, field]) => field.rule === "repeated" && field.type === of)?.[0];
  }

  /** Type of a field, of its items in a list, or of the values of a map; undefined when the message has no such field. */
  fieldType(message: string, field: string): string | undefined {
    return this.#fieldOf(message, field)?.type;
  }

  /** Whether a field has keys of its own, as labels have. */
  isMap(message: string, field: string): boolean {
    return this.#fieldOf(message, field)?.keyType !== undefined;
  }

  #fieldOf(message: string, field: string): Field | undefined {
    const found = this.#messages[message];
    return found !== undefined && "fields" in found && Object.hasOwn(found.fields, field)
      ? found.fields[field]
      : undefined;
  }

  #walk(message: Message, value: unknown, path: string, problems: string[]): void {
    if (!isObject(value)) {
      problems.push(`${path || "the body"}: got ${JSON.stringify(value)}, want an object`);
      return;
    }
    for (const [name, item] of Object.entries(value)) {
      const field = Object.hasOwn(message.fields, name) ? message.fields[name] : undefined;
      const at = path === "" ? name : `${path}.${name}`;
      if (field === undefined) problems.push(`${at}: unknown field`);
      else if (item !== undefined && item !== null) this.#field(message, name, field, item, at, problems);
    }
  }

  #field(message: Message, name: string, field: Field, value: unknown, at: string, problems: string[]): void {
    if (field.keyType !== undefined) {
      if (!isObject(value)) problems.push(`${at}: got ${JSON.stringify(value)}, want an object`);
      else
        for (const [key, item] of Object.entries(value))
          this.#single(message, name, field, item, `${at}.${key}`, problems);
    } else if (field.rule === "repeated") {
      if (!Array.isArray(value)) problems.push(`${at}: got ${JSON.stringify(value)}, want a list`);
      else value.forEach((item, i) => this.#single(message, name, field, item, `${at}[${i}]`, problems));
    } else {
      this.#single(message, name, field, value, at, problems);
    }
  }

  #single(message: Message, name: string, { type }: Field, value: unknown, at: string, problems: string[]): void {
    const scalar = SCALARS[type];
    const entry = scalar === undefined ? (message.nested?.[type] ?? this.#messages[type]) : undefined;
    if (entry !== undefined && "fields" in entry) {
      this.#walk(entry, value, at, problems);
      return;
    }
    // Enums are open: a text field of the same name as a nested list of values.
    const values = entry ?? enumOf(message, name);
    if (values !== undefined && "values" in values) {
      const known = typeof value === "string" && Object.hasOwn(values.values, value) && !value.startsWith("UNDEFINED_");
      if (!known) problems.push(`${at}: got ${JSON.stringify(value)}, want one of ${namesOf(values)}`);
      return;
    }
    if (scalar === undefined) throw new Error(`the schema has no type ${type}, which ${at} is of`);
    if (!scalar(value)) problems.push(`${at}: got ${JSON.stringify(value)}, want ${type}`);
  }
}

const isWhole = (value: unknown): boolean => typeof value === "number" && Number.isInteger(value);
const isLong = (value: unknown): boolean => typeof value === "string" && /^-?\d+$/.test(value);
const SCALARS: Readonly<Record<string, ((value: unknown) => boolean) | undefined>> = {
  bool: (value) => typeof value === "boolean",
  double: (value) => typeof value === "number",
  float: (value) => typeof value === "number",
  int32: isWhole,
  // Numbers of 64 bits are text in JSON, since JavaScript has none.
  int64: isLong,
  string: (value) => typeof value === "string",
  uint32: isWhole,
  uint64: isLong,
};

const namesOf = ({ values }: Values): string =>
  Object.keys(values)
    .filter((name) => !name.startsWith("UNDEFINED_"))
    .join(", ");

function enumOf(message: Message, field: string): Message | Values | undefined {
  const wanted = field.toLowerCase();
  return Object.entries(message.nested ?? {}).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/**
 * Every list of v1 takes `returnPartialSuccess` (Google's discovery document, and with it `@googleapis/compute`); the descriptors
 * of this version have it in v1beta alone.
 */
const partialSuccess = (rpc: string): readonly [string, string][] =>
  /^(Aggregated)?List/.test(rpc) ? [["returnPartialSuccess", "bool"]] : [];

function methodsOf(name: string, entries: Readonly<Record<string, Entry>>): Method[] {
  const service = entries[name];
  if (service === undefined || !("methods" in service)) throw new Error(`the schema has no service ${name}`);
  return Object.entries(service.methods).map(([rpc, { requestType, responseType, parsedOptions }]) => {
    const rule = parsedOptions.map((option) => option["(google.api.http)"]).find((found) => found !== undefined);
    const { body, ...verbs } = rule as Readonly<Record<string, string>>;
    const [verb = "", template = ""] = Object.entries(verbs)[0] ?? [];
    const request = entries[requestType] as Message;
    const inPath = [...template.matchAll(/\{(\w+)\}/g)].map(([, field = ""]) => camel(field));
    const bodyField = body === undefined ? undefined : camel(body);
    const query = Object.entries(request.fields).filter(([field]) => field !== bodyField && !inPath.includes(field));
    return {
      id: `${lowerFirst(name)}.${lowerFirst(rpc)}`,
      verb: verb.toUpperCase(),
      template,
      body: bodyField === undefined ? undefined : request.fields[bodyField]?.type,
      response: responseType,
      query: new Map([...query.map(([field, { type }]): [string, string] => [field, type]), ...partialSuccess(rpc)]),
    };
  });
}

function reachable(entries: Readonly<Record<string, Entry>>, roots: readonly string[]): Record<string, Entry> {
  const found: Record<string, Entry> = {};
  const visit = (message: Message): void => {
    for (const { type } of Object.values(message.fields)) {
      const own = message.nested?.[type];
      if (own !== undefined) {
        if ("fields" in own) visit(own);
      } else {
        add(type);
      }
    }
  };
  const add = (name: string): void => {
    const entry = entries[name];
    if (entry === undefined || found[name] !== undefined) return;
    found[name] = entry;
    if ("fields" in entry) visit(entry);
  };
  roots.forEach(add);
  return found;
}

let loaded: Schema | undefined;

/** Read once in a process: it takes a tenth of a second. */
export function computeSchema(): Schema {
  if (loaded !== undefined) return loaded;
  const folder = dirname(require.resolve("@google-cloud/compute/package.json"));
  const file = join(folder, "build", "protos", "protos.json");
  const path = ["google", "cloud", "compute", "v1"];
  let entries = JSON.parse(readFileSync(file, "utf8")) as { nested?: Record<string, never> };
  for (const step of path) entries = entries.nested?.[step] ?? {};
  loaded = new Schema(entries.nested ?? {}, SERVICES);
  return loaded;
}
