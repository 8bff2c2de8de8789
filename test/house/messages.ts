// Finds every text that the library can say about a mistake, by following what reaches `problems.add` and `new Error`.
import { readdirSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

export const REPOSITORY = path.resolve(__dirname, "../..");

/** Stands for what is filled in when the message is made. */
const FILLED_IN = "…";

/** One text, with {@link FILLED_IN} where a value goes, and where it is said. */
export interface Message {
  readonly text: string;
  readonly place: string;
}

/** What the library says, and the places whose text could not be followed to its words. */
export interface Messages {
  readonly found: readonly Message[];
  readonly lost: readonly string[];
}

export function messagesOf(folder: string): Messages {
  const files = readdirSync(path.join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join(REPOSITORY, folder, file));
  return new Finder(program(files)).messages(files);
}

/** Only the given files, each with its relative imports: what the frameworks declare says nothing of our messages. */
function program(files: readonly string[]): ts.Program {
  const options: ts.CompilerOptions = { noLib: true, types: [], target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const base = path.resolve(path.dirname(from), text);
      const resolvedFileName = [`${base}.ts`, path.join(base, "index.ts")].find((file) => files.includes(file));
      return {
        resolvedModule:
          resolvedFileName === undefined || !text.startsWith(".")
            ? undefined
            : { resolvedFileName, extension: ts.Extension.Ts },
      };
    });
  return ts.createProgram({ rootNames: [...files], options, host });
}

class Finder {
  readonly #checker: ts.TypeChecker;
  readonly #calls = new Map<ts.Symbol, ts.CallExpression[]>();
  readonly #lost: string[] = [];

  constructor(private readonly compiled: ts.Program) {
    this.#checker = compiled.getTypeChecker();
  }

  messages(files: readonly string[]): Messages {
    const sources = files.flatMap((file) => this.compiled.getSourceFile(file) ?? []);
    const said: ts.Expression[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) this.#noteCall(node);
      const text = saidBy(node);
      if (text !== undefined) said.push(text);
      ts.forEachChild(node, visit);
    };
    sources.forEach(visit);
    const found = said.flatMap((expression) =>
      this.#texts(expression, new Set()).map((text) => ({ text, place: placeOf(expression) })),
    );
    return { found: found.filter(({ text }) => /[a-z]/.test(text)), lost: this.#lost };
  }

  #noteCall(call: ts.CallExpression): void {
    const symbol = this.#symbolOf(call.expression);
    if (symbol === undefined) return;
    const calls = this.#calls.get(symbol) ?? [];
    this.#calls.set(symbol, calls);
    calls.push(call);
  }

  #symbolOf(node: ts.Node): ts.Symbol | undefined {
    const symbol = this.#checker.getSymbolAtLocation(node);
    if (symbol === undefined) return undefined;
    return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : this.#checker.getAliasedSymbol(symbol);
  }

  /** The texts that an expression can have; a part that is not fixed in the source is {@link FILLED_IN}. */
  #texts(expression: ts.Expression, seen: ReadonlySet<ts.Node>): readonly string[] {
    if (seen.has(expression)) return [];
    const within = new Set([...seen, expression]);
    const follow = (next: ts.Expression) => this.#texts(next, within);
    if (ts.isStringLiteralLike(expression)) return [expression.text];
    if (ts.isTemplateExpression(expression)) {
      const tail = expression.templateSpans.map((span) => FILLED_IN + span.literal.text).join("");
      return [expression.head.text + tail];
    }
    if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression)) return follow(expression.expression);
    if (ts.isConditionalExpression(expression)) {
      return [...follow(expression.whenTrue), ...follow(expression.whenFalse)];
    }
    if (ts.isBinaryExpression(expression)) {
      const [left, right] = [follow(expression.left), follow(expression.right)];
      if (expression.operatorToken.kind !== ts.SyntaxKind.PlusToken) return [...left, ...right];
      return left.flatMap((before) => right.map((after) => before + after));
    }
    if (ts.isIdentifier(expression)) return this.#textsOfName(expression, within);
    if (ts.isCallExpression(expression)) return this.#textsOfCall(expression, within);
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === "message") return [];
    if (ts.isElementAccessExpression(expression)) return this.#textsOfTable(expression, within);
    this.#lost.push(`${placeOf(expression)}: ${expression.getText()}`);
    return [];
  }

  #textsOfName(name: ts.Identifier, seen: ReadonlySet<ts.Node>): readonly string[] {
    if (name.text === "undefined") return [];
    const declaration = this.#symbolOf(name)?.declarations?.[0];
    if (declaration !== undefined && ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) {
      return this.#texts(declaration.initializer, seen);
    }
    if (declaration !== undefined && ts.isParameter(declaration)) {
      const owner = declaration.parent;
      const index = owner.parameters.indexOf(declaration);
      const named =
        ts.isArrowFunction(owner) && ts.isVariableDeclaration(owner.parent) ? owner.parent.name : owner.name;
      const symbol = named === undefined ? undefined : this.#symbolOf(named);
      const calls = symbol === undefined ? undefined : this.#calls.get(symbol);
      const given = calls?.flatMap((call) => call.arguments[index] ?? []) ?? [];
      if (given.length > 0) return given.flatMap((argument) => this.#texts(argument, seen));
    }
    this.#lost.push(`${placeOf(name)}: ${name.text}`);
    return [];
  }

  /** What a function of the library returns. */
  #textsOfCall(call: ts.CallExpression, seen: ReadonlySet<ts.Node>): readonly string[] {
    const declaration = this.#symbolOf(call.expression)?.declarations?.[0];
    const body =
      declaration !== undefined && ts.isFunctionDeclaration(declaration)
        ? declaration.body
        : declaration !== undefined &&
            ts.isVariableDeclaration(declaration) &&
            declaration.initializer !== undefined &&
            ts.isArrowFunction(declaration.initializer)
          ? declaration.initializer.body
          : undefined;
    if (body === undefined) {
      // A joined list, or a method of what is no text of ours: `lines.join(…)`, `problems.message(…)`.
      if (!ts.isPropertyAccessExpression(call.expression)) this.#lost.push(`${placeOf(call)}: ${call.getText()}`);
      return [];
    }
    if (!ts.isBlock(body)) return this.#texts(body, seen);
    return returned(body).flatMap((expression) => this.#texts(expression, seen));
  }

  /** The texts of a constant object that is read by a key. */
  #textsOfTable(access: ts.ElementAccessExpression, seen: ReadonlySet<ts.Node>): readonly string[] {
    const declaration = this.#symbolOf(access.expression)?.declarations?.[0];
    let table =
      declaration !== undefined && ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
    while (table !== undefined && (ts.isAsExpression(table) || ts.isSatisfiesExpression(table)))
      table = table.expression;
    if (table === undefined || !ts.isObjectLiteralExpression(table)) {
      this.#lost.push(`${placeOf(access)}: ${access.getText()}`);
      return [];
    }
    return table.properties.flatMap((property) =>
      ts.isPropertyAssignment(property) ? this.#texts(property.initializer, seen) : [],
    );
  }
}

/** The text that a statement gives to the user: the advice of a problem, or the message of an error. */
function saidBy(node: ts.Node): ts.Expression | undefined {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression: receiver, name } = node.expression;
    if (/^add(Fact)?$/.test(name.text) && /problems$/i.test(receiver.getText())) return node.arguments[2];
  }
  if (ts.isNewExpression(node) && /(^|\.)\w*Error$/.test(node.expression.getText())) return node.arguments?.[0];
  return undefined;
}

function returned(body: ts.Block): readonly ts.Expression[] {
  const found: ts.Expression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isReturnStatement(node) && node.expression !== undefined) found.push(node.expression);
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}

function placeOf(node: ts.Node): string {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${path.relative(REPOSITORY, source.fileName)}:${line + 1}`;
}
