// What was called, by whom it would have to be allowed, and what it was answered.
import type { CloudResponse } from "./exchange";
import { isObject, objects, text } from "./json";
import type { Needed } from "./permissions";

export interface Call {
  /** By the injected clock. */
  readonly at: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** As Google's documentation names it; empty for a path that is not of the API. */
  readonly id: string;
  /** All that the call needs; empty when it was refused before that was looked at. */
  readonly permissions: readonly Needed[];
  /** Undefined while it is under way, and for one that got no answer. */
  readonly status?: number;
  readonly reason?: string;
  readonly endedAt?: number;
}

interface Begun {
  readonly note: (permissions: readonly Needed[]) => void;
  readonly end: (response: CloudResponse, at: number) => void;
}

/** Calls that change something, whatever came of them. */
export const isMutating = ({ id, method }: Pick<Call, "id" | "method">): boolean =>
  method !== "GET" && !/\.(wait|listNetworkEndpoints|testIamPermissions)$/.test(id);

export class Calls {
  #log: Call[] = [];

  get log(): readonly Call[] {
    return this.#log;
  }

  get mutating(): readonly Call[] {
    return this.#log.filter(isMutating);
  }

  /** Every permission that any call needed, sorted. */
  get permissions(): readonly string[] {
    return this.permissionsIn();
  }

  /** Those that were needed in one project; of a Shared VPC some are in the network's. @param project undefined for all */
  permissionsIn(project?: string): readonly string[] {
    const needed = this.#log.flatMap(({ permissions }) => permissions);
    const there = needed.filter((one) => project === undefined || one.project === project);
    return [...new Set(there.map(({ permission }) => permission))].sort();
  }

  clear(): void {
    this.#log = [];
  }

  begin(call: Omit<Call, "permissions">): Begun {
    const entry: { -readonly [K in keyof Call]: Call[K] } = { ...call, permissions: [] };
    this.#log.push(entry);
    return {
      note: (permissions) => (entry.permissions = permissions),
      end: ({ status, body }, at) => {
        entry.status = status;
        entry.endedAt = at;
        const error = body["error"];
        if (status >= 400 && isObject(error)) entry.reason = text(objects(error, "errors")[0] ?? {}, "reason");
      },
    };
  }
}
