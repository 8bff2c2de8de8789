// Writes an OCI image layout: a folder of blobs named by their digest, and an index that gives images their names.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
/** Not compressed: the images never leave the machine, and compressing them is most of what an import costs. */
const LAYER = "application/vnd.oci.image.layer.v1.tar";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly env: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** What OCI and Go call the architecture of this process. */
export function ociArchitecture(arch: string = process.arch): string {
  return ARCHITECTURES[arch] ?? arch;
}

export class OciLayout {
  readonly #images: Descriptor[] = [];

  constructor(readonly folder: string) {
    mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
    writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  }

  blobPath(digest: string): string {
    return join(this.folder, "blobs/sha256", digest.replace(/^sha256:/, ""));
  }

  /** Takes the tar file over. */
  async addLayer(tar: string): Promise<Descriptor> {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(tar, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    const digest = `sha256:${hash.digest("hex")}`;
    const size = statSync(tar).size;
    renameSync(tar, this.blobPath(digest));
    return { mediaType: LAYER, digest, size };
  }

  addImage(name: string, layers: readonly Descriptor[], config: ImageConfig): void {
    const described = this.#addJson(CONFIG, {
      architecture: ociArchitecture(),
      os: "linux",
      config: { Entrypoint: config.entrypoint, Env: config.env },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.digest) },
      history: layers.map(() => ({ created_by: "podpin lab" })),
    });
    this.#name(name, this.#addJson(MANIFEST, { schemaVersion: 2, mediaType: MANIFEST, config: described, layers }));
  }

  /**
   * Takes over an image that buildah wrote with its `dir:` transport.
   *
   * @param has layers that whoever reads this layout has already; they are left out
   * @returns its layers, the lowest first
   */
  addFromDir(name: string, dir: string, has: ReadonlySet<string>): readonly Descriptor[] {
    const manifest = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as {
      mediaType: string;
      config: Descriptor;
      layers: Descriptor[];
    };
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      if (has.has(digest) || existsSync(this.blobPath(digest))) continue;
      copyFileSync(join(dir, digest.replace(/^sha256:/, "")), this.blobPath(digest));
    }
    this.#name(name, this.#addJson(manifest.mediaType, manifest));
    return manifest.layers;
  }

  /** Call when the last image is in. */
  writeIndex(): void {
    writeFileSync(join(this.folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: this.#images }));
  }

  #addJson(mediaType: string, value: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(this.blobPath(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  #name(name: string, manifest: Descriptor): void {
    // containerd takes the whole reference from its own annotation; ref.name is what buildah and others look for.
    const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
    this.#images.push({ ...manifest, annotations });
  }
}
