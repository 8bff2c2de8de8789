import { isAllKnown, LATER } from "../../lib/model/later";

test.each([
  ["a value", "10.0.0.5"],
  ["nothing", undefined],
  ["null", null],
  ["what is nested", { pool: { addresses: ["10.0.0.5"], cluster: undefined }, replicas: 0 }],
])("%s is all known", (_, data) => {
  expect(isAllKnown(data)).toBe(true);
});

test.each([
  ["by itself", LATER],
  ["in a list", ["10.0.0.5", LATER]],
  ["deep inside", { pool: { addresses: ["10.0.0.5"], cluster: { region: LATER } } }],
])("what is to come %s is not", (_, data) => {
  expect(isAllKnown(data)).toBe(false);
});
