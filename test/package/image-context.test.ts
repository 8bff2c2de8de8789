// What an image is built from comes with the package: a Dockerfile, and the one file that it copies.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { packedLibrary, run } from "./packed";

let context: string;

beforeAll(async () => {
  context = path.join(await packedLibrary(), "dist/controller-image");
}, 120_000);

test("the package has the context of the image, and nothing else in that folder", async () => {
  expect((await readdir(context)).sort()).toEqual(["Dockerfile", "podpin.js"]);
});

test("the Dockerfile copies only what the context has, and what it gathers from a base that everybody can pull", async () => {
  const dockerfile = await readFile(path.join(context, "Dockerfile"), "utf8");
  expect(dockerfile.match(/^(COPY|ADD) .*$/gm)).toEqual([
    "COPY podpin.js /podpin.js",
    "COPY --from=tools /image/ /",
    "COPY --from=bundle /image/ /",
  ]);
  expect(dockerfile).toContain("ARG BASE=node:24-bookworm-slim");
  expect(dockerfile.match(/^FROM .*$/gm)).toEqual(["FROM ${BASE} AS tools", "FROM ${BASE} AS bundle", "FROM scratch"]);
});

test("the bundle runs by itself and knows both programs", async () => {
  const { status, output } = await run([process.execPath, path.join(context, "podpin.js")], context);
  expect(status).toBe(1);
  expect(output).toContain("use controller or agent");
});
