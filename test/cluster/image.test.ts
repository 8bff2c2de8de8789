// The image that the package's context gives, built as a user would build it: the same again, small, and with a list of what
// it is made of. Its base here is the lab's.
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createGzip } from "node:zlib";

import { makeBundle, type Bundle } from "../../controller-image/build";
import { command } from "../../lab/parts/command";
import { buildPodpinImage } from "../../lab/images/ensure";
import { progressOn } from "../../lab/progress";

jest.setTimeout(300_000);

const MAX_COMPRESSED_BYTES = 90e6;

let folder: string;
let first: string;
let again: string;
let layers: readonly string[];
let bundle: Bundle;

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}
const blob = (digest: string): string => path.join(first, digest.replace("sha256:", ""));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "podpin-image-"));
  bundle = await makeBundle();
  first = await buildPodpinImage(progressOn(), bundle.contents, path.join(folder, "first"), false);
  again = await buildPodpinImage(progressOn(), bundle.contents, path.join(folder, "again"), true);
  const manifest = JSON.parse(await readFile(path.join(first, "manifest.json"), "utf8")) as Manifest;
  layers = manifest.layers.map(({ digest }) => blob(digest));
  // The base, where nobody has made it yet, takes longer than any test.
}, 1_800_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file of the image. */
async function file(name: string): Promise<string> {
  for (const layer of [...layers].reverse()) {
    const names = (await command(["tar", "--list", "--file", layer])).split("\n");
    if (names.includes(name)) return command(["tar", "--extract", "--to-stdout", "--file", layer, name]);
  }
  throw new Error(`the image has no ${name}`);
}

test("a second build that uses nothing of the first gives the same bytes", async () => {
  expect(await readFile(path.join(again, "manifest.json"), "utf8")).toBe(
    await readFile(path.join(first, "manifest.json"), "utf8"),
  );
});

test("what nodes download is below 90 MB, even with the quickest compression", async () => {
  let bytes = 0;
  for (const layer of layers) {
    const packed = createReadStream(layer, { highWaterMark: 1 << 20 }).pipe(createGzip({ level: 1 }));
    for await (const chunk of packed) bytes += (chunk as Buffer).length;
  }
  expect(bytes).toBeGreaterThan(10e6);
  expect(bytes).toBeLessThanOrEqual(MAX_COMPRESSED_BYTES);
});

test("by itself it is not root, and it starts the bundle", async () => {
  const { config } = JSON.parse(await readFile(path.join(first, "manifest.json"), "utf8")) as Manifest;
  const described = JSON.parse(await readFile(blob(config.digest), "utf8")) as { config: Record<string, unknown> };
  expect(described.config).toMatchObject({
    User: "65532:65532",
    Entrypoint: ["node", "--max-semi-space-size=4", "/app/podpin.js"],
  });
});

test("/var/run is /run in it, so that `ip` finds the namespaces of Pods wherever it looks for them", async () => {
  const found = await Promise.all(layers.map((layer) => command(["tar", "--list", "--verbose", "--file", layer])));
  expect(found.join("")).toMatch(/^d.* run\/$/m);
  expect(found.join("")).toMatch(/^l.* var\/run -> \/run$/m);
});

test("it lists the packages that its files are from, with the licence of each", async () => {
  const names = (await Promise.all(layers.map((layer) => command(["tar", "--list", "--file", layer])))).join("");
  const packages = [...names.matchAll(/^var\/lib\/dpkg\/status\.d\/(.+)$/gm)].map(([, name]) => name);
  expect(packages).toEqual(expect.arrayContaining(["conntrack", "iproute2", "libc6", "nftables", "socat"]));
  const licences = [...names.matchAll(/^usr\/share\/doc\/(.+)\/copyright$/gm)].map(([, name]) => name);
  expect(licences.filter((name) => name !== "nodejs")).toEqual(packages);

  const list = JSON.parse(await file("usr/share/sbom/podpin.cdx.json")) as {
    bomFormat: string;
    specVersion: string;
    components: { name: string; version: string; purl: string }[];
  };
  expect([list.bomFormat, list.specVersion]).toEqual(["CycloneDX", "1.5"]);
  expect(list.components.map(({ name }) => name)).toEqual([...packages, "node"]);
  for (const { name, version, purl } of list.components) {
    expect(version).not.toBe("");
    expect(purl).toMatch(/^pkg:(deb\/\w+|generic)\/[\w.%-]+@[\w.:~%-]+(\?arch=\w+)?$/);
    if (name === "node") expect(version).toMatch(/^24\./);
  }
});

test("it lists the packages that the bundle has parts of", async () => {
  const list = JSON.parse(await file("usr/share/sbom/podpin-bundle.cdx.json")) as {
    bomFormat: string;
    components: { name: string; version: string; licenses: { expression: string }[] }[];
  };
  expect(list.bomFormat).toBe("CycloneDX");
  expect(list.components.map(({ name, version, licenses }) => [name, version, licenses[0]?.expression])).toEqual(
    bundle.packages.map(({ name, version, licence }) => [name, version, licence]),
  );
});
