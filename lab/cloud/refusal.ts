// What the API answers when it does not do what it is asked, in its own words.
import type { JsonObject } from "./json";

export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly status: number,
    /** Google's word: `notFound`, `conditionNotMet`, … */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export const invalid = (field: string, value: string, why: string): Refusal =>
  new Refusal(400, "invalid", `Invalid value for field '${field}': '${value}'. ${why}`);
export const required = (field: string): Refusal =>
  new Refusal(400, "required", `Required field '${field}' not specified`);
export const notFound = (key: string): Refusal => new Refusal(404, "notFound", `The resource '${key}' was not found`);
export const exists = (key: string): Refusal =>
  new Refusal(409, "alreadyExists", `The resource '${key}' already exists`);
export const inUse = (key: string, by: string): Refusal =>
  new Refusal(400, "resourceInUseByAnotherResource", `The resource '${key}' is already being used by '${by}'`);
export const notReady = (key: string): Refusal =>
  new Refusal(400, "resourceNotReady", `The resource '${key}' is not ready`);
export const stale = (field: string): Refusal =>
  new Refusal(412, "conditionNotMet", `Invalid ${field}: it is not the resource's current one.`);
export const forbidden = (permission: string, key: string): Refusal =>
  new Refusal(403, "forbidden", `Required '${permission}' permission for '${key}'`);
export const overQuota = (metric: string, limit: number, where: string): Refusal =>
  new Refusal(403, "quotaExceeded", `Quota '${metric}' exceeded.  Limit: ${limit.toFixed(1)} in ${where}.`);
/** @param range of addresses */
export const exhausted = (range: string): Refusal =>
  new Refusal(400, "ipSpaceExhausted", `IP space of '${range}' is exhausted.`);

export function errorBody({ status, reason, message }: Refusal): JsonObject {
  return { error: { code: status, message, errors: [{ message, domain: "global", reason }] } };
}

/** Codes of an operation's error where they are not the reason in capitals. */
const CODES: Readonly<Record<string, string>> = {
  alreadyExists: "RESOURCE_ALREADY_EXISTS",
  invalid: "INVALID_FIELD_VALUE",
  notFound: "RESOURCE_NOT_FOUND",
  required: "REQUIRED_FIELD_MISSING",
};
const PHRASES: Readonly<Record<number, string>> = {
  400: "BAD REQUEST",
  403: "FORBIDDEN",
  404: "NOT FOUND",
  409: "CONFLICT",
  412: "PRECONDITION FAILED",
  500: "INTERNAL SERVER ERROR",
  503: "SERVICE UNAVAILABLE",
};

/** What an operation says that ended with it. */
export function operationError({ status, reason, message }: Refusal): JsonObject {
  const code = CODES[reason] ?? reason.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return {
    httpErrorStatusCode: status,
    httpErrorMessage: PHRASES[status] ?? "ERROR",
    error: { errors: [{ code, message }] },
  };
}
