// Writes API.md from the doc comments; with `--check` it only says whether API.md is what it would write.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const REPOSITORY = path.resolve(__dirname, "..");
const API = path.join(REPOSITORY, "API.md");

/** The entries of the package in the order of the page, and what their page is called before they are joined. */
const ENTRIES = [
  { source: "lib/pulumi/index.ts", page: "pulumi.md", title: "podpin/pulumi" },
  { source: "lib/cdk8s/index.ts", page: "cdk8s.md", title: "podpin/cdk8s" },
  { source: "lib/model/index.ts", page: "model.md", title: "podpin" },
];

const HEAD = `<!-- Written by \`npm run docs\` from the doc comments in lib/; change those. -->

# API

Everything that the package exports. Where to begin: the README and the pages in [docs](docs).

`;

/** The reference as it follows from the doc comments; throws where one is missing. */
async function apiReference(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "podpin-api-"));
  try {
    await writePages(folder);
    const pages = await Promise.all(
      ENTRIES.map(async ({ page, title }) => ({
        page,
        text: `# ${title}\n\n${readable(await readFile(path.join(folder, page), "utf8"))}`,
      })),
    );
    return HEAD + joined(pages);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writePages(folder: string): Promise<void> {
  const typedoc = await import("typedoc");
  const app = await typedoc.Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    tsconfig: path.join(REPOSITORY, "tsconfig.build.json"),
    entryPoints: ENTRIES.map(({ source }) => path.join(REPOSITORY, source)),
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    disableSources: true,
    githubPages: false,
    // The type check is a step of its own, which says where a mistake is.
    skipErrorChecking: true,
    sort: ["kind", "source-order"],
    readme: "none",
    logLevel: "Warn",
    treatValidationWarningsAsErrors: true,
    validation: {
      notExported: false,
      invalidLink: true,
      rewrittenLink: true,
      notDocumented: true,
      unusedMergeModuleWith: true,
    },
    requiredToBeDocumented: [
      "Enum",
      "EnumMember",
      "Variable",
      "Function",
      "Class",
      "Interface",
      "Property",
      "Method",
      "Accessor",
    ],
    ...({
      outputFileStrategy: "modules",
      hideBreadcrumbs: true,
      hidePageHeader: true,
      parametersFormat: "table",
      interfacePropertiesFormat: "table",
      classPropertiesFormat: "table",
      typeDeclarationFormat: "table",
      propertyMembersFormat: "table",
      expandParameters: true,
    } as object),
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("typedoc could not read the library; npm run typecheck says why");
  app.validate(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) {
    throw new Error(
      "the doc comments named above are missing or name something that is not there; write or correct them",
    );
  }
  await app.outputs.writeOutput({ name: "markdown", path: folder }, project);
}

/** Without the title, and without what says nothing about how to use a thing. */
function readable(page: string): string {
  const text = page
    .replace(/^# .*\n+/, "")
    .replace(/^#+ (?:Overrides|Extends|Extended by|Inherited from)\n\n(?:(?!#|\*\*\*).*\n)*/gm, "")
    .replace(/^> \*\*new .*\n\n/gm, "")
    .replace(/^###### Returns\n\n\[?`Persistent.*\n\n/gm, "");
  return `${text.trim()}\n\n`;
}

/** One page of several: headings keep their order, and links lead to where a heading is now. */
function joined(pages: readonly { readonly page: string; readonly text: string }[]): string {
  const anchors = new Map<string, string>();
  const whole = counter();
  whole("API");
  for (const { page, text } of pages) {
    const own = counter();
    for (const [index, heading] of headings(text).entries()) {
      // The first heading is ours; on the page of its own it was the title, which has no anchor that anything links to.
      const anchor = whole(heading);
      anchors.set(index === 0 ? page : `${page}#${own(heading)}`, anchor);
    }
    for (const [, id = ""] of text.matchAll(/<a id="([^"]+)">/g))
      anchors.set(`${page}#${id}`, `${entryOf(page)}-${id}`);
  }
  const link = (page: string, text: string, target: string): string => {
    const anchor = anchors.get(target.startsWith("#") ? page + target : target);
    // A method of an interface is a row of a table, which nothing can link to.
    return anchor === undefined ? text : `[${text}](#${anchor})`;
  };
  return pages
    .map(({ page, text }) =>
      text
        .replace(/<a id="([^"]+)">/g, (_, id: string) => `<a id="${entryOf(page)}-${id}">`)
        .replace(/\[([^\]]+)\]\(((?:[a-z0-9-]+\.md)?(?:#[^)]+)?)\)/g, (_, shown: string, to: string) =>
          link(page, shown, to),
        ),
    )
    .join("");
}

const entryOf = (page: string): string => page.replace(/\.md$/, "");

function headings(text: string): string[] {
  return [...text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
}

/** Gives each heading the anchor that GitHub gives it, one after the other. */
function counter(): (heading: string) => string {
  const seen = new Map<string, number>();
  return (heading) => {
    const plain = heading
      .toLowerCase()
      .replace(/\\/g, "")
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replace(/ /g, "-");
    const before = seen.get(plain) ?? 0;
    seen.set(plain, before + 1);
    return before === 0 ? plain : `${plain}-${before}`;
  };
}

async function main(args: readonly string[]): Promise<number> {
  const now = await apiReference();
  if (!args.includes("--check")) {
    await writeFile(API, now);
    process.stdout.write(`API.md: ${now.split("\n").length} lines\n`);
    return 0;
  }
  const present = await readFile(API, "utf8").catch(() => "");
  if (present === now) return 0;
  const line = now.split("\n").findIndex((text, index) => present.split("\n")[index] !== text) + 1;
  process.stderr.write(`API.md differs from the doc comments, first in line ${line}; run: npm run docs\n`);
  return 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
