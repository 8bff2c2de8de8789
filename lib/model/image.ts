// Which image runs: one that exists, or one that is built from what the package contains.
import { quotedList } from "./choices";
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/** Processors that an image can be built for. */
export const ImagePlatform = {
  /** x86-64, the most usual one. */
  Amd64: "linux/amd64",
  /** Arm, for example GKE's C4A, N4A and T2A nodes. */
  Arm64: "linux/arm64",
} as const;
export type ImagePlatform = (typeof ImagePlatform)[keyof typeof ImagePlatform];

export interface ImageInput {
  readonly image: MaybeLater<string | undefined>;
  readonly imageRepository?: MaybeLater<string | undefined>;
  readonly imageBase?: MaybeLater<string | undefined>;
  readonly imagePlatforms?: readonly string[];
  /** Whether the framework can build an image: cdk8s only writes manifests. */
  readonly canBuild?: boolean;
}

const HOST = "[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?(?::\\d+)?";
const PATH_PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = `(?:${HOST}/)?${PATH_PART}(?:/${PATH_PART})*`;
const TAG_AND_DIGEST = "(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?";
/** An image reference (distribution/reference). */
const IMAGE = new RegExp(`^${NAME}${TAG_AND_DIGEST}$`);
const REPOSITORY = new RegExp(`^(${NAME})(${TAG_AND_DIGEST})$`);

/** Reports what is wrong with the image, and says whether it is to be built. */
export function checkImage(input: ImageInput, problems: Problems): { readonly build: boolean } {
  const { image, imageRepository: repository, imageBase: base, imagePlatforms: platforms } = input;
  if (repository === undefined) {
    if (isKnown(image) && (image === undefined || !IMAGE.test(image))) problems.add("image", image, imageHelp(input));
    const onlyBuilt = { imageBase: base, imagePlatforms: platforms };
    for (const [field, value] of Object.entries(onlyBuilt)) {
      if (value === undefined) continue;
      const help = "only an image that is built has it: set imageRepository, or leave it out";
      addWhat(field, value, help, problems);
    }
    return { build: false };
  }
  if (image !== undefined) {
    addWhat("image", image, "imageRepository is set as well: leave out one of the two", problems);
  }
  if (isKnown(repository)) checkRepository(repository, problems);
  if (base !== undefined && isKnown(base) && !IMAGE.test(base)) {
    problems.add(
      "imageBase",
      base,
      'use the reference of a Debian image with Node.js 24, best with its digest, for example "node:24-bookworm-slim@sha256:…"',
    );
  }
  const allowed: readonly string[] = Object.values(ImagePlatform);
  if (platforms?.length === 0) problems.add("imagePlatforms", platforms, `use ${quotedList(allowed)}, or leave it out`);
  (platforms ?? []).forEach((platform, index) => {
    if (!allowed.includes(platform)) problems.add(`imagePlatforms[${index}]`, platform, `use ${quotedList(allowed)}`);
  });
  return { build: true };
}

function addWhat(field: string, got: MaybeLater<unknown>, want: string, problems: Problems): void {
  if (isKnown(got)) problems.add(field, got, want);
  else problems.addFact(field, "a value that comes later", want);
}

function imageHelp({ canBuild = false }: ImageInput): string {
  const help =
    'use the reference of podpin\'s image, best with its digest, for example "registry.example.com/podpin@sha256:…"';
  return canBuild ? help + ", or set imageRepository to have it built" : help;
}

function checkRepository(repository: string, problems: Problems): void {
  const [, name, tagAndDigest] = REPOSITORY.exec(repository) ?? [];
  if (tagAndDigest === "") return;
  problems.add(
    "imageRepository",
    repository,
    name === undefined
      ? 'use a repository that you may push to, for example "us-central1-docker.pkg.dev/my-project/tools/podpin"'
      : `use the repository alone, the tag is podpin's version: ${JSON.stringify(name)}`,
  );
}
