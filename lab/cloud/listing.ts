// Pages of lists: filter, order, page size, and the token of the next page.
import { text, type JsonObject } from "./json";
import { filterOf } from "./filter";
import { invalid } from "./refusal";
import type { Key } from "./state";

export interface Listed {
  readonly key: Key;
  readonly body: JsonObject;
}

export interface Page {
  readonly items: readonly Listed[];
  readonly next: { readonly nextPageToken?: string };
}

const MOST = 500;

/** @param query filter, maxResults, orderBy, pageToken, as text */
export function pageOf(all: readonly Listed[], query: Readonly<Record<string, string>>): Page {
  const matches = filterOf(query["filter"] ?? "");
  const sorted = [...all].filter(({ body }) => matches(body)).sort(orderOf(query["orderBy"] ?? "name"));
  const size = sizeOf(query["maxResults"]);
  const from = startOf(sorted, query["pageToken"]);
  const items = sorted.slice(from, from + size);
  const last = items.at(-1);
  const more = from + size < sorted.length && last !== undefined;
  return { items, next: more ? { nextPageToken: Buffer.from(last.key).toString("base64url") } : {} };
}

function sizeOf(given: string | undefined): number {
  const size = Number(given ?? MOST);
  if (!Number.isInteger(size) || size < 0 || size > MOST) {
    throw invalid("maxResults", String(given), `Use a whole number from 0 to ${MOST}.`);
  }
  return size === 0 ? MOST : size;
}

/** After the last one of the page before, also when that one is gone by now. */
function startOf(sorted: readonly Listed[], token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  const last = Buffer.from(token, "base64url").toString();
  if (!last.startsWith("projects/")) throw invalid("pageToken", token, "It is no token of this list.");
  const exact = sorted.findIndex(({ key }) => key === last);
  if (exact >= 0) return exact + 1;
  const after = sorted.findIndex(({ key }) => key > last);
  return after < 0 ? sorted.length : after;
}

function orderOf(order: string): (left: Listed, right: Listed) => number {
  const byKey = (left: Listed, right: Listed): number => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0);
  if (order === "name" || order === "") return byKey;
  if (order !== "creationTimestamp desc") throw invalid("orderBy", order, "Use name or creationTimestamp desc.");
  const time = ({ body }: Listed): string => text(body, "creationTimestamp");
  return (left, right) => (time(left) === time(right) ? byKey(left, right) : time(left) < time(right) ? 1 : -1);
}
