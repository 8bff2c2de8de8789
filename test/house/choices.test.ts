// What users choose from is described where the pages speak of it: a value more has a row more.
import { readFileSync } from "node:fs";
import path from "node:path";
import { Delivery, Fabric, FABRICS } from "../../lib/model/binding";
import { GkeClassFabric } from "../../lib/model/classes";
import { ReactionMode } from "../../lib/model/gke-api";
import { REPOSITORY } from "./messages";

test.each([
  ["docs/route.md", Object.values(ReactionMode)],
  ["docs/deliveries.md", Object.values(Delivery)],
  ["README.md", Object.values(Delivery)],
])("%s has a row for each of %j", (page, values) => {
  const rows = readFileSync(path.join(REPOSITORY, page), "utf8").matchAll(/^\| `([^`]+)`/gm);
  expect([...rows].map(([, value]) => value)).toEqual(expect.arrayContaining(values));
});

test("GKE's names of classes may run on every fabric to which nobody has to lead packets", () => {
  const unled = Object.values(Fabric).filter((fabric) => FABRICS[fabric].led === undefined);
  expect(Object.values(GkeClassFabric).sort()).toEqual(unled.sort());
});
