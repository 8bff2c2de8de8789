// Which Debian or Ubuntu this machine runs, and where it gets its own packages from: the base image uses the same.
import { existsSync, readFileSync, readdirSync } from "node:fs";

export interface Distribution {
  /** `debian`, `ubuntu`, or something derived from them. */
  readonly id: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
  /** For example `bookworm`. */
  readonly codename: string;
  readonly isDebianOrUbuntu: boolean;
}

export function parseOsRelease(text: string): Distribution {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    if (match?.[1] !== undefined) fields.set(match[1], match[2] ?? match[3] ?? match[4] ?? "");
  }
  const id = fields.get("ID") ?? "unknown";
  return {
    id,
    name: fields.get("PRETTY_NAME") ?? id,
    codename: fields.get("VERSION_CODENAME") ?? "",
    isDebianOrUbuntu: id === "debian" || id === "ubuntu",
  };
}

export function thisDistribution(file = "/etc/os-release"): Distribution {
  return parseOsRelease(existsSync(file) ? readFileSync(file, "utf8") : "");
}

/** Any release of Debian serves where the machine's own distribution cannot be the base. */
const DEBIAN: Distribution = {
  id: "debian",
  name: "Debian 12 (bookworm)",
  codename: "bookworm",
  isDebianOrUbuntu: true,
};

/** The distribution of the base image: this machine's, whose mirrors and keys are at hand, if it is one of the two. */
export function baseDistribution(machine: Distribution = thisDistribution()): Distribution {
  return machine.isDebianOrUbuntu && machine.codename !== "" ? machine : DEBIAN;
}

interface Source {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly signedBy?: string;
}

/**
 * The distribution's own repositories among everything that apt is set up with, as lines of a sources.list. Another
 * vendor's repository would put its packages into the image, or fail for want of its key.
 *
 * @param files contents of `sources.list` and of the files in `sources.list.d`
 */
export function distributionSources(files: readonly string[], distribution: Distribution): string[] {
  const suites = ["", "-updates", "-security"].map((suffix) => distribution.codename + suffix);
  const keyring = new RegExp(`/${distribution.id}-archive-keyring\\.(gpg|asc|pgp)$`);
  const lines = files
    .flatMap((text) => (/^Types:/m.test(text) ? deb822(text) : oneLine(text)))
    .filter((source) => suites.includes(source.suite))
    .filter((source) => source.signedBy === undefined || keyring.test(source.signedBy))
    .map((source) => ({
      ...source,
      components: source.components.filter((name) => name === "main" || name === "universe"),
    }))
    .filter((source) => source.components.length > 0)
    .map((source) => {
      const options = source.signedBy === undefined ? "" : `[signed-by=${source.signedBy}] `;
      return `deb ${options}${source.uri} ${source.suite} ${source.components.join(" ")}`;
    });
  return [...new Set(lines)];
}

export function aptSourceFiles(folder = "/etc/apt"): string[] {
  const parts = `${folder}/sources.list.d`;
  const names = existsSync(parts) ? readdirSync(parts).filter((name) => /\.(list|sources)$/.test(name)) : [];
  const paths = [`${folder}/sources.list`, ...names.sort().map((name) => `${parts}/${name}`)];
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8"));
}

function deb822(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const line of stanza.split("\n")) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (match?.[1] !== undefined) fields.set(match[1].toLowerCase(), (match[2] ?? "").trim());
    }
    const words = (field: string): string[] => (fields.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || fields.get("enabled") === "no") return [];
    const signedBy = words("signed-by").find((word) => word.startsWith("/"));
    return words("uris").flatMap((uri) =>
      words("suites").map((suite) => ({ uri, suite, components: words("components"), ...(signedBy && { signedBy }) })),
    );
  });
}

function oneLine(text: string): Source[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match === null) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
    return [{ uri, suite, components: components.trim().split(/\s+/), ...(signedBy && { signedBy }) }];
  });
}
