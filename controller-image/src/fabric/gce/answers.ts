// What an answer of the API says: JSON whose shape nobody has promised, read without trusting it.
import { ComputeError } from "./compute";

export type Json = Readonly<Record<string, unknown>>;

/** An object, or an empty one instead of anything else. */
export function json(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The refusal in an answer with a status of an error. */
export function refusal(status: number, body: unknown, call: string): ComputeError {
  const error = json(json(body).error);
  const first = json(list(error.errors)[0]);
  const detail = json(list(error.details).find((one) => text(json(one).reason) !== undefined));
  const reason = text(first.reason) ?? text(detail.reason) ?? text(error.status) ?? "unknown";
  const said = text(error.message) ?? text(first.message) ?? "the answer does not say why";
  return new ComputeError(`${said} (${status} ${reason}, ${call})`, status, reason, call);
}

/** The error that a finished operation carries; undefined when it ended well. HTTP says 200 in both cases. */
export function operationError(operation: Json, call: string): ComputeError | undefined {
  const errors = list(json(operation.error).errors).map(json);
  const status = Number(operation.httpErrorStatusCode ?? 0);
  if (errors.length === 0 && !(status >= 400)) return undefined;
  const reason = text(errors[0]?.code) ?? "unknown";
  const said = errors.map(({ message }) => text(message)).filter((message) => message !== undefined);
  const why =
    said.length > 0 ? said.join("; ") : (text(operation.httpErrorMessage) ?? "the operation does not say why");
  return new ComputeError(`${why} (operation ended with ${status} ${reason}, ${call})`, status, reason, call);
}
