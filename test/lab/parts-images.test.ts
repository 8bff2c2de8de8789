import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle, bundled } from "../../controller-image/build";
import { cloneContainerdRoot } from "../../lab/images/containerd-root";
import { baseDistribution, distributionSources, parseOsRelease } from "../../lab/images/distribution";
import { OciLayout } from "../../lab/images/oci";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "podpin-images-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const debian = parseOsRelease('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n');

describe("the distribution", () => {
  test("is read from os-release", () => {
    expect(debian).toEqual({
      id: "debian",
      name: "Debian GNU/Linux 12 (bookworm)",
      codename: "bookworm",
      isDebianOrUbuntu: true,
    });
    expect(parseOsRelease("ID='alpine'\nID_LIKE=\n").isDebianOrUbuntu).toBe(false);
  });

  test("gives its own repositories to the base image, in either form, and no other vendor's", () => {
    const deb822 = [
      "Types: deb deb-src",
      "URIs: http://mirror.example/debian",
      "Suites: bookworm bookworm-updates bookworm-backports",
      "Components: main contrib",
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
      "",
      "Types: deb",
      "URIs: http://vendor.example/apt",
      "Suites: bookworm",
      "Components: main",
      "Signed-By: /usr/share/keyrings/vendor.gpg",
      "",
      "Enabled: no",
      "Types: deb",
      "URIs: http://off.example/debian",
      "Suites: bookworm",
      "Components: main",
    ].join("\n");
    const oneLine = [
      "# deb http://comment.example/debian bookworm main",
      "deb http://security.example/debian-security bookworm-security main # fixes",
      "deb-src http://mirror.example/debian bookworm main",
      "deb [arch=amd64 signed-by=/etc/keyrings/vendor.asc] http://vendor.example/apt bookworm main",
    ].join("\n");
    expect(distributionSources([deb822, oneLine], debian)).toEqual([
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main",
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm-updates main",
      "deb http://security.example/debian-security bookworm-security main",
    ]);
  });

  test.each([
    ["ID=ubuntu\nVERSION_CODENAME=noble\n", "ubuntu", "noble"],
    ["ID=fedora\nVERSION_CODENAME=\n", "debian", "bookworm"],
    ["ID=debian\nPRETTY_NAME=sid\n", "debian", "bookworm"],
  ])("the base image on a machine with %j is %s %s", (text, id, codename) => {
    expect(baseDistribution(parseOsRelease(text))).toMatchObject({ id, codename });
  });

  test("keeps universe on Ubuntu, where some of the tools are", () => {
    const ubuntu = parseOsRelease("ID=ubuntu\nVERSION_CODENAME=noble\n");
    const text = "deb http://mirror.example/ubuntu noble main restricted universe multiverse";
    expect(distributionSources([text], ubuntu)).toEqual(["deb http://mirror.example/ubuntu noble main universe"]);
  });
});

describe("an OCI layout", () => {
  interface Blob {
    digest: string;
    annotations: Record<string, string>;
  }
  const json = (path: string): { manifests: Blob[]; config: Blob; layers: Blob[] } =>
    JSON.parse(readFileSync(path, "utf8"));
  const sha256 = (bytes: Buffer | string): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

  test("holds every blob under its digest, and names images so that containerd keeps the name", async () => {
    writeFileSync(join(folder, "layer.tar"), "not really a tar");
    const layout = new OciLayout(join(folder, "layout"));
    const layer = await layout.addLayer(join(folder, "layer.tar"));
    layout.addImage("example.test/app:1", [layer], { entrypoint: ["/app"], env: ["A=b"] });
    layout.writeIndex();

    expect(layer).toMatchObject({ digest: sha256("not really a tar"), size: 16 });
    for (const name of readdirSync(join(folder, "layout/blobs/sha256"))) {
      expect(sha256(readFileSync(join(folder, "layout/blobs/sha256", name)))).toBe(`sha256:${name}`);
    }
    const named = json(join(folder, "layout/index.json")).manifests[0]!;
    expect(named.annotations["io.containerd.image.name"]).toBe("example.test/app:1");
    const manifest = json(layout.blobPath(named.digest));
    expect(manifest.layers).toEqual([layer]);
    expect(json(layout.blobPath(manifest.config.digest))).toMatchObject({
      os: "linux",
      config: { Entrypoint: ["/app"], Env: ["A=b"] },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    });
  });

  test("leaves out the layers that its reader has, and nothing else", () => {
    const dir = join(folder, "dir");
    mkdirSync(dir);
    const blobs = Object.fromEntries(["config", "base", "top"].map((text) => [text, sha256(text)]));
    for (const [text, digest] of Object.entries(blobs)) writeFileSync(join(dir, digest.slice(7)), text);
    const of = (text: string): object => ({ mediaType: "x", digest: blobs[text], size: text.length });
    const manifest = { mediaType: "m", config: of("config"), layers: [of("base"), of("top")] };
    writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest));

    const layout = new OciLayout(join(folder, "layout"));
    layout.addFromDir("example.test/app:1", dir, new Set([blobs["base"] ?? ""]));
    const has = (text: string): boolean => existsSync(layout.blobPath(blobs[text] ?? ""));
    expect([has("config"), has("top"), has("base")]).toEqual([true, true, false]);
  });
});

test("a clone of a containerd root shares its files but has databases of its own", async () => {
  const root = join(folder, "root");
  for (const plugin of ["content", "meta", "snapshots"]) mkdirSync(join(root, plugin), { recursive: true });
  writeFileSync(join(root, "content/blob"), "blob");
  writeFileSync(join(root, "meta/meta.db"), "meta");
  writeFileSync(join(root, "snapshots/metadata.db"), "snapshots");
  const clone = join(folder, "node1/containerd");
  await cloneContainerdRoot(root, clone);
  for (const name of ["content/blob", "meta/meta.db", "snapshots/metadata.db"]) writeFileSync(join(clone, name), "new");
  const original = (name: string): string => readFileSync(join(root, name), "utf8");
  expect([original("content/blob"), original("meta/meta.db"), original("snapshots/metadata.db")]).toEqual([
    "new",
    "meta",
    "snapshots",
  ]);
});

describe("the bundle", () => {
  test("is one file that runs by itself", async () => {
    writeFileSync(join(folder, "part.ts"), "export const answer: number = 42;");
    writeFileSync(
      join(folder, "main.ts"),
      'import { answer } from "./part"; import os from "node:os"; console.log(answer, os.EOL);',
    );
    await bundle(join(folder, "out/podpin.js"), join(folder, "main.ts"));
    const text = readFileSync(join(folder, "out/podpin.js"), "utf8");
    expect(text).toContain('require("node:os")');
    expect(text).not.toContain('part.ts")');
    expect(text).toContain("42");
  });

  test("refuses what the image does not have", async () => {
    writeFileSync(join(folder, "main.ts"), 'require("not-installed-anywhere");');
    await expect(bundled(join(folder, "main.ts"))).rejects.toThrow("not-installed-anywhere");
  });
});
