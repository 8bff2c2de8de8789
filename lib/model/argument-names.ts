// Names of arguments that a component does not have. A compiler refuses them in an object literal; JavaScript, a cast and a
// spread bring them all the same, and they would be dropped without a word.
import type { Problems } from "./problems";

/** The arguments of a component by name; false where it passes one to itself only. */
export type ArgumentNames = Readonly<Record<string, boolean>>;

/** As `satisfies Named<Args>`: the compiler sees to it that every argument is named, and nothing else. */
export type Named<Args> = Readonly<Record<keyof Args, boolean>>;

/**
 * Adds the names that are all but one of an argument that is not given, which can only be a slip, and gives those that
 * resemble none. They may be somebody's own, of an object that is larger than what the component takes.
 *
 * @param path what stands before the name in messages, for example `ordinals.`
 */
export function checkNames(path: string, given: object, names: ArgumentNames, problems: Problems): readonly string[] {
  const values = Object.entries(given).filter(([, value]) => value !== undefined);
  const isGiven = new Set(values.map(([name]) => name));
  const open = publicNames(names).filter((name) => !isGiven.has(name));
  return values.flatMap(([name, value]) => {
    // Two underscores are how frameworks mark what they add themselves.
    if (Object.hasOwn(names, name) || name.startsWith("__")) return [];
    const meant = nearest(name, open);
    if (meant === undefined) return [`${path}${name}`];
    problems.addFact(`${path}${name}`, shown(value), `that is the name of no argument: use ${meant}`);
    return [];
  });
}

/** The same where nobody can be warned: there every name that is no argument is a mistake. */
export function checkAllNames(path: string, given: object, names: ArgumentNames, problems: Problems): void {
  const values = given as Readonly<Record<string, unknown>>;
  for (const name of checkNames(path, given, names, problems)) {
    const value = values[name.slice(path.length)];
    problems.addFact(name, shown(value), `that is the name of no argument: use ${publicNames(names).join(", ")}`);
  }
}

/** What a user is told of names that do nothing; undefined where there are none. */
export function warningOf(subject: string, foreign: readonly string[], names: ArgumentNames): string | undefined {
  if (foreign.length === 0) return undefined;
  const listed = foreign.map((name) => JSON.stringify(name)).join(", ");
  return `${subject} has no argument ${listed}: what is given there does nothing. Leave it out, or use one of ${publicNames(names).join(", ")}`;
}

/** Only what is an argument: the rest shall not be taken for something else further down. */
export function ownArguments<Args extends object>(given: Args, names: ArgumentNames): Args {
  const own = Object.keys(names).filter((name) => name in given);
  return Object.fromEntries(own.map((name) => [name, given[name as keyof Args]])) as Args;
}

const publicNames = (names: ArgumentNames): string[] => Object.keys(names).filter((name) => names[name]);

/** A value of a framework would print itself in many lines, or not at all. */
function shown(value: unknown): string {
  return typeof value === "object" || typeof value === "function" ? "a value" : JSON.stringify(value);
}

const spelling = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The one name that is meant: it differs in case and punctuation only, in one letter of four, or goes on. */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  const letters = spelling(name);
  const distances = candidates.map((candidate) => ({
    candidate,
    distance: editDistance(letters, spelling(candidate)),
  }));
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  if (best !== undefined && best.distance <= Math.min(2, Math.floor(name.length / 4))) return best.candidate;
  const longer = candidates.filter((candidate) => spelling(candidate).startsWith(letters));
  return longer.length === 1 && letters.length >= 5 ? longer[0] : undefined;
}

/** How many letters to add, remove, change or swap with the next one (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      const changed = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : Infinity;
      rows[row]?.push(Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, changed, swapped));
    }
  }
  return at(from.length, to.length);
}
