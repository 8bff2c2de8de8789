// Has the kernel forget connections that it knows.
import type { Commands } from "../fabric/commands";
import { errorText } from "../kube/log";
import type { Stale } from "./forgetting";

/** What came of it. */
export interface Forgotten {
  /** Why connections are still known, by address. */
  readonly refused: ReadonlyMap<string, string>;
  /** Why the program gave no answer at all, where it gave none. */
  readonly noAnswer?: string;
}

const FLUSH_PROCESSES = 4;

/**
 * Inbound connections by their destination, the Pod's own by what their replies are sent to. One process per question:
 * conntrack 1.4.7 has a batch mode, but its deletions there delete nothing and say so to nobody.
 */
export async function forgetConnections(commands: Commands, stale: readonly Stale[]): Promise<Forgotten> {
  const refused = new Map<string, string>();
  const queue = [...stale];
  let noAnswer: string | undefined;
  const ask = async (question: readonly string[]): Promise<string | undefined> => {
    if (noAnswer !== undefined) return noAnswer;
    try {
      const { code, stderr } = await commands.run(["conntrack", "-D", ...question]);
      // Exit code 1 with "0 flow entries have been deleted" is the usual case.
      if (code === 0 || /\b0 flow entries/.test(stderr)) return undefined;
      return `conntrack -D ${question.join(" ")}: ${stderr.trim().split("\n")[0] ?? ""}`;
    } catch (error) {
      // Who waited for that once need not wait for each of the others.
      return (noAnswer = errorText(error));
    }
  };
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const why = await ask(questionOf(next));
      if (why !== undefined) refused.set(next.address, why);
    }
  };
  await Promise.all(Array.from({ length: FLUSH_PROCESSES }, worker));
  return { refused, noAnswer };
}

function questionOf({ address, pod, whose }: Stale): string[] {
  const clients = whose === "clients";
  return [clients ? "-d" : "-q", address, ...(pod === undefined ? [] : [clients ? "-r" : "-s", pod])];
}
