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
  const order = orderOf(query["orderBy"] ?? "name");
  const sorted = [...all].filter(({ body }) => matches(body)).sort(order);
  const size = sizeOf(query["maxResults"]);
  const from = startOf(sorted, order, query["pageToken"]);
  const items = sorted.slice(from, from + size);
  const last = items.at(-1);
  const more = from + size < sorted.length && last !== undefined;
  return { items, next: more ? { nextPageToken: tokenOf(last) } : {} };
}

function sizeOf(given: string | undefined): number {
  const size = Number(given ?? MOST);
  if (!Number.isInteger(size) || size < 0 || size > MOST) {
    throw invalid("maxResults", String(given), `Use a whole number from 0 to ${MOST}.`);
  }
  return size === 0 ? MOST : size;
}

type Order = (left: Listed, right: Listed) => number;

/** The last one of a page, with all that an order looks at: it may be gone when the next page is asked for. */
const tokenOf = (last: Listed): string => Buffer.from(`${last.key} ${timeOf(last)}`).toString("base64url");

/** After the last one of the page before. */
function startOf(sorted: readonly Listed[], order: Order, token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  const [key = "", creationTimestamp = ""] = Buffer.from(token, "base64url").toString().split(" ");
  if (!key.startsWith("projects/")) throw invalid("pageToken", token, "It is no token of this list.");
  const last: Listed = { key, body: { creationTimestamp } };
  const after = sorted.findIndex((item) => order(last, item) < 0);
  return after < 0 ? sorted.length : after;
}

/** Operations have the time under another name. */
const timeOf = ({ body }: Listed): string => text(body, "creationTimestamp") || text(body, "insertTime");

function orderOf(order: string): Order {
  const byKey: Order = (left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0);
  if (order === "name" || order === "") return byKey;
  if (order !== "creationTimestamp desc") throw invalid("orderBy", order, "Use name or creationTimestamp desc.");
  return (left, right) => {
    const [one, other] = [timeOf(left), timeOf(right)];
    return one === other ? byKey(left, right) : one < other ? 1 : -1;
  };
}
