import { SharedStrings } from "../../controller-image/src/kube/shared-strings";

test("whatever is read stays as it was, wherever it stands", () => {
  const long = "x".repeat(100);
  const text = JSON.stringify({
    a: "short",
    list: ["short", { b: "short", n: 1, no: null, yes: true }],
    long,
    empty: {},
  });
  const strings = new SharedStrings();
  const [first, second] = [JSON.parse(text) as object, JSON.parse(text) as object];
  strings.shareIn(first);
  strings.shareIn(second);
  expect([first, second]).toEqual([JSON.parse(text), JSON.parse(text)]);
});

test("a name that is no name of ours changes nothing else", () => {
  const odd = JSON.parse('{"__proto__": "text", "constructor": {"prototype": "text"}}') as object;
  new SharedStrings().shareIn(odd);
  expect(JSON.stringify(odd)).toBe('{"__proto__":"text","constructor":{"prototype":"text"}}');
  expect(Object.getPrototypeOf(odd)).toBe(Object.prototype);
});

test("more strings than are remembered", () => {
  const strings = new SharedStrings();
  const many = Array.from({ length: 10_000 }, (_, index) => ({ name: `name-${index}`, kind: "Gateway" }));
  const before = JSON.stringify(many);
  for (const each of many) strings.shareIn(each);
  expect(JSON.stringify(many)).toBe(before);
});
