// `pulumi.com/waitFor`: what the user wants to be true of an object before the deployment goes on. Pure.
import { ANNOTATION } from "../object";
import { at, numberAt, parseJson, textAt, type Json, type JsonObject } from "../values";
import { parseJsonPath } from "./json-path";
import { READY, type Readiness } from "./readiness";

export type Expectation = (object: JsonObject) => Readiness;

/**
 * @param text `condition=Type`, `condition=Type=Status`, `jsonpath={…}`, `jsonpath={…}=value`, or a JSON list of such, all of which
 *   must hold
 */
export function parseWaitFor(text: string): Expectation {
  const list = parseJson(text);
  const expressions = Array.isArray(list) ? list.map(String) : [text];
  if (expressions.length === 0)
    throw new Error(`${ANNOTATION.waitFor}: got an empty list; give at least one condition`);
  const expectations = expressions.map(parseExpression);
  return (object) => {
    const unmet = expectations.map((expect) => expect(object)).filter((result) => !result.ready);
    return unmet.length === 0 ? READY : { ready: false, reasons: unmet.flatMap((result) => result.reasons) };
  };
}

function parseExpression(expression: string): Expectation {
  const [, form, rest = ""] = /^(condition|jsonpath)=(.*)$/s.exec(expression) ?? [];
  if (form === "condition" && rest !== "") {
    const split = rest.indexOf("=");
    return split < 0 ? conditionIs(rest, "True") : conditionIs(rest.slice(0, split), rest.slice(split + 1));
  }
  if (form === "jsonpath" && rest !== "") {
    const [, path = rest, wanted] = /^(\{.*\})(?:=(.*))?$/s.exec(rest) ?? [];
    return pathIs(path, wanted);
  }
  throw new Error(
    `${ANNOTATION.waitFor}: got ${JSON.stringify(expression)}; write "condition=Ready", "condition=Ready=False" or ` +
      `"jsonpath={.status.phase}=Running"`,
  );
}

/** kubectl's rule: names and values in any case, and a condition about an older generation says nothing. */
function conditionIs(type: string, wanted: string): Expectation {
  return (object) => {
    const conditions = at(object, "status", "conditions");
    const found = (Array.isArray(conditions) ? conditions : []).find(
      (item) => textAt(item, "type").toLowerCase() === type.toLowerCase(),
    );
    if (found === undefined) return unmet(`condition ${type} is not there yet (want ${wanted})`);
    const generation = numberAt(object, "metadata", "generation");
    const observed = numberAt(found, "observedGeneration") ?? numberAt(object, "status", "observedGeneration");
    if (generation !== undefined && observed !== undefined && observed < generation) {
      return unmet(`condition ${type} is about generation ${observed}, not ${generation}: its controller lags behind`);
    }
    if (textAt(found, "status").toLowerCase() === wanted.toLowerCase()) return READY;
    return unmet(`condition ${type} is ${textAt(found, "status")} (want ${wanted})${explained(found)}`);
  };
}

function explained(condition: Json): string {
  const [reason, message] = [textAt(condition, "reason"), textAt(condition, "message")];
  if (reason === "" && message === "") return "";
  return `: ${[reason, message].filter((part) => part !== "").join(": ")}`;
}

function pathIs(path: string, wanted: string | undefined): Expectation {
  const find = parseJsonPath(path);
  return (object) => {
    const found = find(object);
    if (found.length === 0) return unmet(`${path} is not there yet`);
    if (wanted === undefined || found.some((value) => spelled(value) === wanted)) return READY;
    return unmet(`${path} is ${found.map(spelled).join(", ")} (want ${wanted})`);
  };
}

function spelled(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function unmet(reason: string): Readiness {
  return { ready: false, reasons: [reason] };
}
