// The kinds of faults are tried on a real lab alone; here only that each can be drawn and found by its name.
import type { Lab } from "../../lab/cluster/lab";
import { planNodes } from "../../lab/cluster/plan";
import { Random } from "../sim/random";
import { drawFault, KINDS } from "./faults";
import { routesToKeep } from "./lowered";
import type { Setting } from "./setting";

const setting = { lab: { id: "abcdef", nodes: planNodes(3), client: {}, control: {} } as unknown as Lab } as Setting;

test.each(Object.keys(KINDS))("%s is drawn by its name alone, and the same from the same seed", (name) => {
  const drawn = (seed: number) => drawFault(setting, new Random(seed), name).what;
  expect([1, 2, 3].map(drawn)).toEqual([1, 2, 3].map(drawn));
  expect(drawn(1)).toEqual(expect.stringMatching(/^\S.*\S$/));
});

test("a fault is found by what it says", () => {
  const found = [1, 2, 3].map((seed) => drawFault(setting, new Random(seed), "proxy_arp is 1"));
  expect(found.map(({ what, stranger }) => what.endsWith("proxy_arp is 1") && what.includes(stranger ?? "?"))).toEqual([
    true,
    true,
    true,
  ]);
});

test("one of several may be asked for", () => {
  const random = new Random(1);
  const drawn = Array.from({ length: 50 }, () => drawFault(setting, random, "podCut,leaseEdited").on.split(" ").at(-1));
  expect(new Set(drawn)).toEqual(new Set(["interface", "lease"]));
});

test("a text that no fault says is refused", () => {
  expect(() => drawFault(setting, new Random(1), "earthquake")).toThrow('--only: got "earthquake"; no fault is called');
});

test("every kind is drawn without a wish", () => {
  const random = new Random(1);
  const drawn = new Set(Array.from({ length: 2_000 }, () => drawFault(setting, random).on));
  expect(drawn).toEqual(new Set([...drawn, "api", "lease", "keys", "pods", "node1", "node1 wire", "client"]));
});

test("the routes of an interface that goes down are kept, but for the kernel's own", () => {
  const text =
    "default via 192.0.2.1 \n192.0.2.0/24 proto kernel scope link src 192.0.2.7 \n198.51.100.0/24 scope link \n";
  expect(routesToKeep(text)).toEqual(["default via 192.0.2.1 ", "198.51.100.0/24 scope link "]);
});
