// Whether what is there is what was to be made: the answer to "already exists".
import { json, list } from "./answers";
import { resourcePath } from "./refs";

/** Fields of the wanted resource that the one in the cloud has otherwise; empty when it is the same one. */
export function differences(want: object, have: object): string[] {
  const found = json(have);
  return Object.entries(want)
    .filter(([field, value]) => value !== undefined && !same(value, found[field]))
    .map(([field]) => field);
}

/** What is wanted is in what is there; the cloud adds fields of its own. */
function same(want: unknown, have: unknown): boolean {
  if (Array.isArray(want)) {
    const there = list(have);
    return want.length === there.length && want.every((one, index) => same(one, there[index]));
  }
  if (typeof want === "object" && want !== null) {
    const there = json(have);
    return Object.entries(want).every(([field, value]) => value === undefined || same(value, there[field]));
  }
  if (typeof want === "string" && typeof have === "string") return resourcePath(want) === resourcePath(have);
  // A boolean or a number that is nothing is left out of answers.
  return want === have || (have === undefined && (want === false || want === 0));
}
