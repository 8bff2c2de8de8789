import { Problems } from "../../lib/model/problems";

const line = (got: unknown): string | undefined => {
  const problems = new Problems();
  problems.add("size", got, "use a whole number from 1 to 1000");
  return problems.lines[0];
};

test.each([
  ["text", "3", 'size: got "3"; use a whole number from 1 to 1000'],
  ["nothing", undefined, "size: got nothing; use a whole number from 1 to 1000"],
  ["an empty text", "", "size: got nothing; use a whole number from 1 to 1000"],
  ["an object", { apply: 3 }, 'size: got {"apply":3}; use a whole number from 1 to 1000'],
  ["no number", Number("x"), "size: got NaN; use a whole number from 1 to 1000"],
  ["a function", () => 3, "size: got a function; use a whole number from 1 to 1000"],
  ["an object of a framework", new Map([[1, 2]]), "size: got a Map; use a whole number from 1 to 1000"],
  [
    "objects of a framework among others",
    [1, { of: new Error("x"), later: { apply: () => 3, toJSON: () => "x" }, count: Infinity }],
    'size: got [1,{"of":"an Error","later":"a value to come","count":"Infinity"}]; use a whole number from 1 to 1000',
  ],
])("%s is shown as it was given", (_, got, expected) => {
  expect(line(got)).toBe(expected);
});

test.each([
  ["an output", { apply: () => undefined, toJSON: () => "Calling [toJSON] on an [Output<T>] is not supported." }],
  ["a promise", Promise.resolve(3)],
])("%s is no value yet, and the message says what to do", (_, got) => {
  expect(line(got)).toBe(
    "size: got a value that comes from another resource; use a whole number from 1 to 1000; it must be known before the deployment, so write it, or read it from the configuration",
  );
});
