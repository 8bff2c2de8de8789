// The Pulumi SDK's analyzer of components, with what our declarations need beyond it: it knows no components of the same
// package as arguments, and no constants of a declaration file as names of values.
import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer";
import { generateSchema } from "@pulumi/pulumi/provider/experimental/schema";
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** One property of the schema. */
type Property = Record<string, unknown>;

interface Context {
  readonly inputOutput?: number;
}

interface TypeDefinition {
  readonly name: string;
  readonly type: string;
  readonly enum?: readonly object[];
  readonly description?: string;
}

/** What is overridden and used of the SDK's analyzer; its declarations call it private. */
interface SdkAnalyzer {
  readonly checker: ts.TypeChecker;
  readonly program: ts.Program;
  readonly typeDefinitions: Record<string, TypeDefinition>;
  analyze(): {
    components: Record<string, { inputs: Record<string, Property> }>;
    typeDefinitions: object;
    dependencies: object[];
  };
  analyzeType(context: Context, type: ts.Type, location: ts.Declaration, optional?: boolean, text?: string): Property;
}

type Make = new (folder: string, name: string, manifest: object, components: ReadonlySet<string>) => SdkAnalyzer;

const PACKAGE = "podpin";
const ANY: Property = { $ref: "pulumi.json#/Any" };
/** The SDK's mark of an argument whose value must be known while the program runs. */
const PLAIN = 0;

/** Interfaces that stand for a component where TypeScript programs may pass something like it. */
const STANDS_FOR: Readonly<Record<string, string>> = { PoolCluster: "PersistentIpCluster" };

/** Static methods as an argument: a schema knows constructors alone. */
const FACTORIES: Readonly<Record<string, Readonly<Record<string, Property>>>> = {
  PersistentIpPool: {
    fromAddresses: {
      type: "array",
      items: { type: "string" },
      optional: true,
      description:
        "Addresses that exist already, each once, instead of reserving any; append more later without moving these.",
    },
  },
  PersistentIpCluster: {
    existingClusterName: {
      type: "string",
      optional: true,
      description:
        "Name in GKE of a cluster that exists already: it is looked up and checked, and nothing of it is changed. Besides it only `location`, `project` and `datapathProvider` count.",
    },
  },
};

class ComponentAnalyzer extends (Analyzer as unknown as Make) {
  constructor(
    folder: string,
    manifest: object,
    private readonly components: ReadonlySet<string>,
  ) {
    super(folder, PACKAGE, manifest, components);
  }

  override analyzeType(context: Context, type: ts.Type, location: ts.Declaration, optional = false): Property {
    const text = this.#documentation(location);
    const described = (property: Property): Property => ({
      ...property,
      ...(optional ? { optional } : {}),
      ...(context.inputOutput === PLAIN && property !== ANY ? { plain: true } : {}),
      ...(text === "" ? {} : { description: text }),
    });
    const inner = withoutUndefined(type);
    const symbol = inner?.getSymbol();
    if (inner !== undefined && symbol !== undefined && inner.isClassOrInterface()) {
      const component = STANDS_FOR[symbol.name] ?? symbol.name;
      if (this.components.has(component)) return described({ $ref: `#/resources/${PACKAGE}:index:${component}` });
      // Whole resources, and the arguments of other packages: the engine checks those.
      if (isOfProviderSdk(symbol) || isCustomResource(inner)) return described(ANY);
    }
    const words = this.#words(type, location);
    if (words !== undefined) return described(words);
    return super.analyzeType(context, type, location, optional, text === "" ? undefined : text);
  }

  #documentation(location: ts.Declaration): string {
    const symbol = "symbol" in location ? (location.symbol as ts.Symbol | undefined) : undefined;
    return ts.displayPartsToString(symbol?.getDocumentationComment(this.checker));
  }

  /** `export const X = { A: "a" } as const; export type X = (typeof X)[keyof typeof X];` */
  #words(type: ts.Type, location: ts.Declaration): Property | undefined {
    if (!type.isUnion() && !type.isStringLiteral()) return undefined;
    const parts = type.isUnion() ? type.types.filter((part) => (part.flags & ts.TypeFlags.Undefined) === 0) : [type];
    const values = parts.flatMap((part) => (part.isStringLiteral() ? [part.value] : []));
    const named =
      ts.isPropertySignature(location) || ts.isPropertyDeclaration(location) ? typeName(location.type) : undefined;
    if (named === undefined || values.length === 0 || values.length !== parts.length) return undefined;
    const symbol = this.checker.getSymbolAtLocation(named);
    if (symbol === undefined) return undefined;
    const target = (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : this.checker.getAliasedSymbol(symbol);
    if (target.valueDeclaration === undefined) return undefined;
    const constant = this.checker.getTypeOfSymbolAtLocation(target, target.valueDeclaration);
    const members = constant.getProperties().flatMap((property) => {
      const value = this.checker.getTypeOfSymbolAtLocation(property, location);
      if (!value.isStringLiteral() || !values.includes(value.value)) return [];
      const description = ts.displayPartsToString(property.getDocumentationComment(this.checker));
      return [{ name: property.name, value: value.value, ...(description === "" ? {} : { description }) }];
    });
    if (members.length !== values.length) return undefined;
    this.typeDefinitions[target.name] ??= { name: target.name, type: "string", enum: members };
    return { $ref: `#/types/${PACKAGE}:index:${target.name}` };
  }
}

function typeName(node: ts.TypeNode | undefined): ts.EntityName | undefined {
  // `X | undefined` names X.
  if (node !== undefined && ts.isUnionTypeNode(node)) {
    const [one, ...others] = node.types.filter(({ kind }) => kind !== ts.SyntaxKind.UndefinedKeyword);
    return others.length === 0 ? typeName(one) : undefined;
  }
  if (node !== undefined && ts.isArrayTypeNode(node)) return typeName(node.elementType);
  if (node === undefined || !ts.isTypeReferenceNode(node)) return undefined;
  // `pulumi.Input<X>` names X.
  return node.typeArguments?.length === 1 ? typeName(node.typeArguments[0]) : node.typeName;
}

function withoutUndefined(type: ts.Type): ts.Type | undefined {
  if (!type.isUnion()) return type;
  const rest = type.types.filter((part) => (part.flags & ts.TypeFlags.Undefined) === 0);
  return rest.length === 1 ? rest[0] : undefined;
}

const fileOf = (symbol: ts.Symbol): string => symbol.declarations?.[0]?.getSourceFile().fileName ?? "";

const isOfSdk = (symbol: ts.Symbol): boolean => /node_modules\/@pulumi\/pulumi\//.test(fileOf(symbol));

const isOfProviderSdk = (symbol: ts.Symbol): boolean => /node_modules\/@pulumi\/(?!pulumi\/)/.test(fileOf(symbol));

/** A class or an interface that has the SDK's own `CustomResource` among its ancestors. */
function isCustomResource(type: ts.InterfaceType): boolean {
  return (type.getBaseTypes() ?? []).some((base) => {
    const symbol = base.getSymbol();
    if (symbol?.name === "CustomResource" && isOfSdk(symbol)) return true;
    return base.isClassOrInterface() && isCustomResource(base);
  });
}

/** The names of the components that a package exports, as its compiled entry shows them. */
function componentsOf(folder: string): ReadonlySet<string> {
  const script = require.resolve("podpin/pulumi", { paths: [folder] });
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it is known only now where the package is
  const exported = require(script) as Record<string, unknown>;
  return new Set(Object.keys(exported).filter((name) => isComponent(exported[name])));
}

function isComponent(value: unknown): boolean {
  if (typeof value !== "function") return false;
  const parent = Object.getPrototypeOf(value) as { name?: string } | null;
  return parent !== null && (parent.name === "ComponentResource" || isComponent(parent));
}

/** The schema of the components of the plugin in a folder. */
export function inferredSchema(folder: string): object {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    version: string;
    description: string;
  };
  const analyzer = new ComponentAnalyzer(folder, manifest, componentsOf(folder));
  const { components, typeDefinitions, dependencies } = analyzer.analyze();
  for (const [name, inputs] of Object.entries(FACTORIES)) Object.assign(components[name]?.inputs ?? {}, inputs);
  return generateSchema(
    PACKAGE,
    manifest.version,
    manifest.description,
    components as Parameters<typeof generateSchema>[3],
    typeDefinitions as Parameters<typeof generateSchema>[4],
    dependencies as Parameters<typeof generateSchema>[5],
  );
}
