// What the engine says about a deployment, from its event log: one JSON object a line.

/** One planned or made step. `op` is the engine's: create, update, replace, delete, same, read, refresh, … */
export interface Step {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  /** Path → the kind of difference, such as "update" or "update-replace". */
  readonly diff: Readonly<Record<string, string>>;
  /** Properties that make it a replacement. */
  readonly replaces: readonly string[];
}

export interface Diagnostic {
  readonly severity: string;
  readonly urn: string;
  readonly message: string;
}

/** How many resources; the stack itself counts as one. */
export interface Changes {
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly delete: number;
  readonly same: number;
}

export interface Outcome {
  readonly steps: readonly Step[];
  readonly diagnostics: readonly Diagnostic[];
  readonly changes: Changes;
}

/** An event of the engine (sdk/go/common/apitype, EngineEvent): only what is read here. */
interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: StepMetadata };
  readonly diagnosticEvent?: {
    readonly severity: string;
    readonly urn?: string;
    readonly message: string;
    readonly ephemeral?: boolean;
  };
  readonly summaryEvent?: { readonly resourceChanges?: Readonly<Record<string, number>> };
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly keys?: readonly string[] | null;
  readonly detailedDiff?: Readonly<Record<string, { readonly diffKind: string }>> | null;
}

/** The engine warns of every plugin that it takes from PATH, which is where all of ours are meant to come from. */
export function isAmbientNotice(line: string): boolean {
  return /using pulumi-\S+ from \$PATH/.test(line);
}

export function readOutcome(log: string): Outcome {
  const events = log
    .split("\n")
    .map(parseLine)
    .filter((event) => event !== undefined);
  const counts = events.map((event) => event.summaryEvent?.resourceChanges).findLast((found) => found !== undefined);
  const count = (op: string): number => counts?.[op] ?? 0;
  return {
    steps: events.flatMap((event) => (event.resourcePreEvent === undefined ? [] : [step(event.resourcePreEvent)])),
    diagnostics: events.flatMap(({ diagnosticEvent: event }) =>
      event === undefined || event.ephemeral === true || event.severity === "debug" || isAmbientNotice(event.message)
        ? []
        : [{ severity: event.severity, urn: event.urn ?? "", message: event.message.trim() }],
    ),
    changes: {
      create: count("create"),
      update: count("update"),
      replace: count("replace"),
      delete: count("delete"),
      same: count("same"),
    },
  };
}

function step({ metadata }: { readonly metadata: StepMetadata }): Step {
  const diff = Object.entries(metadata.detailedDiff ?? {}).map(([path, { diffKind }]) => [path, diffKind] as const);
  return {
    op: metadata.op,
    urn: metadata.urn,
    type: metadata.type,
    diff: Object.fromEntries(diff),
    replaces: metadata.keys ?? [],
  };
}

/** The last line may be cut off where the engine was killed. */
function parseLine(line: string): EngineEvent | undefined {
  if (line.trim() === "") return undefined;
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}
