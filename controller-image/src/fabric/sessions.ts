// `ip` and `nft` kept open. Starting a program costs 3 to 6 ms, asking one that runs well under one, and a move waits for
// several of them one after the other. What a session cannot do is run as before, each time anew.
import { asLines, type Child, COMMAND_LIMIT_MS, type CommandResult, type Commands, IP_QUESTIONS } from "./commands";

/** Larger scripts are rare, and one process costs them nothing. */
const MOST_NFT_LINES = 200;

/**
 * The same programs, with sessions behind the calls that a pass makes: `ip … -force -batch -`, `nft -j list …`, and
 * `nft -f -` with whole commands in each line.
 */
export function withSessions(commands: Commands, limitMs = COMMAND_LIMIT_MS): Commands & { close(): void } {
  const sessions = new Map<string, Session>();
  const session = (name: string, open: () => Session): Session => {
    let known = sessions.get(name);
    if (known === undefined) sessions.set(name, (known = open()));
    return known;
  };
  return {
    start: (argv) => commands.start(argv),
    run: (argv, input = "") => {
      const [program] = argv;
      const script = input.toString();
      if (program === "ip" && argv.slice(-3).join(" ") === "-force -batch -") {
        return session("ip", () => new Session(commands, IP_QUESTIONS, ipLanguage, limitMs)).ask(linesOf(script));
      }
      const nft = program === "nft" ? nftLine(argv, script) : undefined;
      if (nft === undefined) return commands.run(argv, input);
      return session("nft", () => new Session(commands, ["nft", "-j", "-i"], nftLanguage, limitMs)).ask([nft]);
    },
    renew: () => {
      for (const each of sessions.values()) each.renew();
    },
    close: () => {
      for (const each of sessions.values()) each.close();
    },
  };
}

const linesOf = (script: string): string[] => script.split("\n").filter((line) => line !== "");

/** The one line that does the same in a session; undefined when none does. One line is one transaction. */
function nftLine(argv: readonly string[], script: string): string | undefined {
  const [, first, second, ...rest] = argv;
  if (first === "-j" && second === "list") return ["list", ...rest].join(" ");
  if (first !== "-f" || second !== "-") return undefined;
  const lines = linesOf(script);
  // A block over several lines cannot be put into one by joining them.
  const whole = lines.every((line) => count(line, "{") === count(line, "}"));
  return whole && lines.length > 0 && lines.length <= MOST_NFT_LINES ? lines.join("; ") : undefined;
}

const count = (text: string, character: string): number => text.split(character).length - 1;

/** How a program shows that it has done what it was told before. */
interface Language {
  /** What to ask behind request number `id`, so that both outputs show its end. */
  marker(id: number): readonly string[];
  /**
   * The result, once all of it is there.
   *
   * @param before lines that the program had been given before the request
   */
  result(
    id: number,
    asked: readonly string[],
    before: number,
    stdout: string,
    stderr: string,
  ): CommandResult | undefined;
}

/** Each of these prints one line of JSON unless it is refused; no other command of a batch prints anything. */
const IP_QUESTION = /^\S+ (show|get|list-id)\b/;

const ipLanguage: Language = {
  // A question for standard output, an object that does not exist for standard error.
  marker: (id) => ["link show dev lo", `podpin-${id}`],
  result: (id, asked, before, stdout, stderr) => {
    const marker = stderr.indexOf(`Object "podpin-${id}"`);
    if (marker < 0 || !/Command failed [^\n]*\n/.test(stderr.slice(marker))) return undefined;
    const failed = new Set<number>();
    const said = stderr
      .slice(0, marker)
      .replace(/^(Command failed [^:]*:)(\d+)/gm, (_all, text: string, line: string) => {
        failed.add(Number(line) - before);
        return `${text}${Number(line) - before}`;
      });
    const answers = asked.filter((line, index) => IP_QUESTION.test(line) && !failed.has(index + 1)).length;
    return answered(stdout, answers, failed.size > 0, said);
  },
};

const nftLanguage: Language = {
  // An answer and an error for which it asks the kernel nothing: before it lists anything `nft` reads what all others have there, too,
  // which is more than a second of work beside a kube-proxy with 5,000 Services.
  marker: (id) => ["describe ip saddr", `podpin_${id}`],
  result: (id, [asked = ""], _before, stdout, stderr) => {
    const marker = stderr.indexOf(`\npodpin_${id}\n`);
    // Its own line is followed by one that points at its end.
    if (marker < 0 || stderr.split("\n").length <= stderr.slice(0, marker + 1).split("\n").length + 1) return undefined;
    const said = stderr.slice(0, stderr.lastIndexOf("Error:", marker));
    const failed = said.includes("Error:");
    return answered(stdout, asked.startsWith("list ") && !failed ? 1 : 0, failed, said);
  },
};

/** Undefined until every answer is there, and behind them that of the marker. */
function answered(stdout: string, answers: number, failed: boolean, stderr: string): CommandResult | undefined {
  const shown = stdout.split("\n").slice(0, -1);
  if (shown.length < answers + 1) return undefined;
  return { code: failed ? 1 : 0, stdout: asLines(shown.slice(0, answers)), stderr };
}

interface Request {
  readonly asked: readonly string[];
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
}

/** One request at a time. The program is started with the first one, and anew after it has ended. */
class Session {
  readonly #queue: Request[] = [];
  #child: Child | undefined;
  #closed = false;
  #stale = false;
  #id = 0;
  /** Lines that the running program has been given. */
  #given = 0;
  #current: (Request & { readonly id: number; readonly before: number; readonly timer: NodeJS.Timeout }) | undefined;
  #stdout = "";
  #stderr = "";

  constructor(
    private readonly commands: Commands,
    private readonly argv: readonly string[],
    private readonly language: Language,
    private readonly limitMs: number,
  ) {}

  ask(asked: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ asked, resolve, reject });
      this.#next();
    });
  }

  /** `ip` goes on calling an interface what it was called when it met it first. */
  renew(): void {
    // What is asked is answered first.
    this.#stale = true;
    if (this.#current === undefined) this.#next();
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill();
    this.#fail("it was closed");
  }

  #next(): void {
    if (this.#current !== undefined) return;
    if (this.#stale) {
      this.#stale = false;
      const old = this.#child;
      this.#child = undefined;
      old?.kill();
    }
    const request = this.#queue.shift();
    if (request === undefined) return;
    if (this.#closed) return request.reject(this.#error("it was closed"));
    const child = (this.#child ??= this.#open());
    const id = ++this.#id;
    const timer = setTimeout(() => {
      this.#child?.kill();
      this.#end(`no answer within ${this.limitMs} ms`);
    }, this.limitMs);
    this.#current = { ...request, id, before: this.#given, timer };
    this.#stdout = "";
    this.#stderr = "";
    const given = [...request.asked, ...this.language.marker(id)];
    this.#given += given.length;
    child.stdin.write(asLines(given));
  }

  #open(): Child {
    const child = this.commands.start(this.argv);
    this.#given = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      if (this.#child !== child) return;
      this.#stdout += chunk.toString();
      this.#look();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (this.#child !== child) return;
      this.#stderr += chunk.toString();
      this.#look();
    });
    child.onExit((why) => {
      if (this.#child === child) this.#end(why);
    });
    return child;
  }

  #look(): void {
    const current = this.#current;
    if (current === undefined) return;
    const { id, asked, before } = current;
    const result = this.language.result(id, asked, before, this.#stdout, this.#stderr);
    if (result === undefined) return;
    this.#done();
    current.resolve(result);
    this.#next();
  }

  /** The program is gone, and with it whatever it was doing: some refusals end `ip` in spite of `-force`. */
  #end(why: string): void {
    this.#child = undefined;
    this.#fail(this.#stderr.trim() || why);
    this.#next();
  }

  #fail(why: string): void {
    const current = this.#current;
    this.#done();
    current?.reject(this.#error(why));
  }

  #done(): void {
    clearTimeout(this.#current?.timer);
    this.#current = undefined;
  }

  #error(why: string): Error {
    return new Error(`${this.argv.join(" ")}: ${why}`);
  }
}
