import { withShortTraces } from "../../lib/pulumi/short-traces";

const usual = Error.stackTraceLimit;
const { PULUMI_DEBUG_PROMISE_LEAKS: leaks } = process.env;

beforeEach(() => {
  Error.stackTraceLimit = 10;
  delete process.env["PULUMI_DEBUG_PROMISE_LEAKS"];
});

afterAll(() => {
  Error.stackTraceLimit = usual;
  if (leaks !== undefined) process.env["PULUMI_DEBUG_PROMISE_LEAKS"] = leaks;
});

const limit = () => Error.stackTraceLimit;

test("traces are short for as long as a resource is declared", () => {
  expect([withShortTraces(limit), limit()]).toEqual([1, 10]);
});

test("traces are as long as before when the declaration fails, and its error says on which line", () => {
  const failing = () => {
    throw new Error("of a transformation");
  };
  let stack: string | undefined;
  try {
    withShortTraces(failing);
  } catch (error) {
    stack = (error as Error).stack;
  }
  expect(stack).toMatch(/^Error: of a transformation\n +at failing \(.+short-traces\.test\.ts:\d+:\d+\)$/);
  expect(limit()).toBe(10);
});

test("who asks for longer traces, or for none, has them", () => {
  for (const asked of [0, 100, Infinity]) {
    Error.stackTraceLimit = asked;
    expect([withShortTraces(limit), limit()]).toEqual([asked, asked]);
  }
});

test("who looks for promises that never end has the whole traces", () => {
  process.env["PULUMI_DEBUG_PROMISE_LEAKS"] = "true";
  expect(withShortTraces(limit)).toBe(10);
});
