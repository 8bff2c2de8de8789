// What a plugin does, without the way the engine asks for it: `service.ts` is that.
import type { Diff } from "./difference";
import type { JsonObject } from "./values";

export interface PluginProvider {
  /** The provider's own configuration differs: in what, and does it take everything under it to be made anew? */
  diffConfig(olds: JsonObject, news: JsonObject): ConfigDiff;
  configure(configuration: JsonObject): void;
  /** @param olds the inputs of the last deployment; empty for a new or a replaced resource */
  check(urn: string, olds: JsonObject, news: JsonObject, randomSeed: Uint8Array): Promise<Checked>;
  /** @param olds the state of the last deployment */
  diff(
    urn: string,
    olds: JsonObject,
    oldInputs: JsonObject,
    news: JsonObject,
    ignoreChanges: readonly string[],
  ): Promise<Diff>;
  create(urn: string, properties: JsonObject, timeoutSeconds: number, preview: boolean): Promise<Created>;
  /** Undefined if it is gone. Without inputs it is an import or a `.get`. */
  read(urn: string, id: string, state: JsonObject, inputs: JsonObject): Promise<Found | undefined>;
  update(request: UpdateInput): Promise<JsonObject>;
  delete(urn: string, id: string, state: JsonObject, timeoutSeconds: number): Promise<void>;
  /** Calls a function, such as `gcp:container/getCluster:getCluster`. */
  invoke(token: string, args: JsonObject): Promise<JsonObject>;
  /** Ends every wait. */
  cancel(): void;
}

export interface ConfigDiff {
  readonly changed: readonly string[];
  /** Non-empty if everything under this provider has to be made anew. */
  readonly replaces: readonly string[];
}

/** The inputs as the engine will keep them, or what is wrong with them. */
export interface Checked {
  readonly inputs: JsonObject;
  readonly failures: readonly CheckFailure[];
}

export interface CheckFailure {
  /** Empty where it is about the resource as a whole. */
  readonly property: string;
  readonly reason: string;
}

export interface Created {
  readonly id: string;
  readonly state: JsonObject;
}

export interface Found extends Created {
  readonly inputs: JsonObject;
}

export interface UpdateInput {
  readonly urn: string;
  readonly id: string;
  /** The state of the last deployment. */
  readonly olds: JsonObject;
  readonly news: JsonObject;
  readonly ignoreChanges: readonly string[];
  readonly timeoutSeconds: number;
  readonly preview: boolean;
}

/** The resource exists, but not as wanted: the engine is to keep this state and fail the deployment. */
export class PartialError extends Error {
  readonly id: string;
  readonly state: JsonObject;
  readonly inputs: JsonObject;
  readonly reasons: readonly string[];

  constructor(message: string, id: string, state: JsonObject, inputs: JsonObject, reasons: readonly string[]) {
    super(message);
    this.name = "PartialError";
    this.id = id;
    this.state = state;
    this.inputs = inputs;
    this.reasons = reasons;
  }
}
