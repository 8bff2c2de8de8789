// A transport that answers what a test says, in virtual time, and a client over it.
import { createCompute, type ComputeClientOptions } from "../../../controller-image/src/fabric/gce/client";
import type { ComputeRequest, ComputeResponse } from "../../../controller-image/src/fabric/gce/compute";
import { VirtualClock } from "../../support/virtual-clock";

export type Answer = ComputeResponse | Error | ((request: ComputeRequest) => Promise<ComputeResponse>);

export interface Seen {
  readonly call: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Milliseconds of virtual time. */
  readonly at: number;
}

export const ok = (body: unknown = {}): ComputeResponse => ({ status: 200, body });

export function refused(code: number, reason: string, message = "said so"): ComputeResponse {
  return { status: code, body: { error: { code, message, errors: [{ message, domain: "global", reason }] } } };
}

export const RUNNING = ok({ kind: "compute#operation", name: "operation-1", status: "RUNNING" });
export const DONE = ok({ kind: "compute#operation", name: "operation-1", status: "DONE", progress: 100 });

export function failedOperation(status: number, code: string, message: string): ComputeResponse {
  const error = { errors: [{ code, message }] };
  return ok({ name: "operation-1", status: "DONE", httpErrorStatusCode: status, httpErrorMessage: "no", error });
}

/** Never answers; ends as an exchange does that was called off. */
export const silence = ({ signal }: ComputeRequest): Promise<ComputeResponse> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("called off")), { once: true });
  });

/** Answers after a while. */
export const after =
  (clock: VirtualClock, ms: number, answer: ComputeResponse) =>
  ({ signal }: ComputeRequest): Promise<ComputeResponse> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(ms, () => resolve(answer));
      signal.addEventListener("abort", () => (cancel(), reject(new Error("called off"))), { once: true });
    });

/** The last answer stands for every later call. */
export function scripted(
  answers: readonly Answer[] | ((request: Seen) => Answer),
  options: Partial<ComputeClientOptions> & { readonly clock?: VirtualClock } = {},
) {
  const { clock = new VirtualClock() } = options;
  const seen: Seen[] = [];
  let ids = 0;
  const compute = createCompute({
    project: "lab-project",
    log: () => undefined,
    uuid: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
    ...options,
    clock,
    transport: (request) => {
      const [path = "", query] = request.path.split("?");
      const call = `${request.method} ${path}`;
      const one = { call, query: Object.fromEntries(new URLSearchParams(query)), body: request.body, at: clock.now() };
      seen.push(one);
      const answer = typeof answers === "function" ? answers(one) : answers[Math.min(seen.length, answers.length) - 1]!;
      if (typeof answer === "function") return answer(request);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return { compute, clock, seen, calls: () => seen.map(({ call }) => call) };
}

/** Lets time pass until it is settled, and answers with it; a rejection becomes the answer too. */
export async function passing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T | Error> {
  let outcome: { readonly is: T | Error } | undefined;
  promise.then(
    (is) => (outcome = { is }),
    (error: unknown) => (outcome = { is: error instanceof Error ? error : new Error(String(error)) }),
  );
  await clock.runUntil(() => outcome !== undefined);
  return outcome!.is;
}
