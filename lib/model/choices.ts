import type { Problems } from "./problems";

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function quotedList(values: readonly string[], word = "or"): string {
  const quoted = values.map((value) => JSON.stringify(value));
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} ${word} ${last}`;
}

const spelling = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");

/**
 * Checks a value against the words that its field knows. Where only case or punctuation differs there is one possible
 * meaning, and the message names it; otherwise it lists what is allowed.
 */
export function checkChoice<T extends string>(
  what: string,
  got: string,
  choices: Readonly<Record<string, T>>,
  problems: Problems,
): got is T {
  const allowed = Object.values(choices);
  if ((allowed as readonly string[]).includes(got)) return true;
  const meant = allowed.filter((choice) => spelling(choice) === spelling(String(got)));
  problems.add(what, got, `use ${quotedList(meant.length === 1 ? meant : allowed)}`);
  return false;
}
