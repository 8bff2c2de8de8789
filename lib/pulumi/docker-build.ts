// `@pulumi/docker-build` is needed only by programs that have podpin's image built, so that it is loaded there.
import { readFileSync } from "node:fs";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import type * as docker from "@pulumi/docker-build/image";

import { requirePeers } from "../peers";

/** What an image is built from and where it goes. */
export interface BuiltImageArgs {
  readonly repository: pulumi.Input<string>;
  readonly base: pulumi.Input<string> | undefined;
  readonly platforms: readonly string[] | undefined;
}

/** The package's own folder with the Dockerfile and the one file that it copies. */
const CONTEXT = path.join(__dirname, "..", "controller-image");

/** The files have no times but one; with this the image itself has no other either, so that the same inputs give the same digest. */
const REPRODUCIBLE = { SOURCE_DATE_EPOCH: "0" };

/**
 * Builds the image of the controller and the agent, pushes it, and gives its reference with the digest.
 *
 * @param component who needs it, for the message where the peer is not installed
 */
export function builtImage(
  component: string,
  name: string,
  args: BuiltImageArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  requirePeers(component, ["@pulumi/docker-build"], require.resolve);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it for everybody
  const { Image } = require("@pulumi/docker-build/image") as typeof docker;
  // Relative, so that the same program says the same on every machine.
  const location = path.relative(process.cwd(), CONTEXT);
  const image = new Image(
    name,
    {
      context: { location },
      dockerfile: { location: path.join(location, "Dockerfile") },
      buildArgs: { ...REPRODUCIBLE, ...(args.base === undefined ? {} : { BASE: args.base }) },
      platforms: (args.platforms ?? ["linux/amd64"]) as docker.ImageArgs["platforms"],
      tags: [pulumi.interpolate`${args.repository}:${packageVersion()}`],
      push: true,
      // A preview builds nothing: it needs neither a builder nor a registry, and takes no minutes.
      buildOnPreview: false,
    },
    opts,
  );
  return image.ref;
}

/** podpin's version. */
function packageVersion(): string {
  const text = readFileSync(path.join(__dirname, "..", "..", "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
