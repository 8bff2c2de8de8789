// Every TypeScript example of the README and the pages under docs/ compiles, as its reader would compile it.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { REPOSITORY } from "./messages";

interface Example {
  /** A file that exists only for the compiler, next to the page. */
  readonly file: string;
  readonly page: string;
  /** Line of the page on which the code begins, counted from 1. */
  readonly line: number;
  readonly code: string;
}

const pages = ["README.md", ...markdownBelow("docs"), ...markdownBelow("examples")];
const examples = pages.flatMap(examplesOf);
const problems = compile(examples);

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
    .map((file) => path.join(folder, file));
}

function examplesOf(page: string): Example[] {
  if (!ts.sys.fileExists(path.join(REPOSITORY, page))) return [];
  const text = readFileSync(path.join(REPOSITORY, page), "utf8");
  return [...text.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)].map(({ index, 1: code = "" }, position) => ({
    page,
    line: text.slice(0, index).split("\n").length + 1,
    file: path.join(REPOSITORY, `${page}.${position + 1}.ts`),
    code: `${code}\nexport {};\n`,
  }));
}

/** What the compiler says of all examples, as one program. */
function compile(all: readonly Example[]): readonly string[] {
  const { config } = ts.readConfigFile(path.join(REPOSITORY, "tsconfig.json"), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, REPOSITORY);
  // A reader of an example need not use everything that it declares.
  const readers = { ...options, noUnusedLocals: false, noUnusedParameters: false, types: ["node"] };
  const byFile = new Map(all.map((example) => [example.file, example]));
  const host = ts.createCompilerHost(readers);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => byFile.has(file) || fileExists(file);
  host.readFile = (file) => byFile.get(file)?.code ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const example = byFile.get(file);
    return example === undefined
      ? getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, example.code, version);
  };
  const program = ts.createProgram({ rootNames: [...byFile.keys()], options: readers, host });
  return [...byFile.values()].flatMap(({ file, page, line }) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((found) => {
      const within = source?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0;
      return `${page}:${line + within}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`;
    });
  });
}

test("there are examples to compile", () => {
  expect(examples.length).toBeGreaterThan(0);
});

test.each(pages.filter((page) => examples.some((example) => example.page === page)))("%s compiles", (page) => {
  expect(problems.filter((problem) => problem.startsWith(`${page}:`))).toEqual([]);
});
