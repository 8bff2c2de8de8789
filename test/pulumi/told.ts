// For programs of their own whose outputs fail: that rejects everything that hangs on them, which would end a test.
import { spawnSync } from "node:child_process";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { valueOf } from "./graph";

/** The key is the name of the component: what one case rejects late must not be taken for the answer to the next. */
export type Cases = Readonly<Record<string, (name: string) => pulumi.Output<unknown>>>;

/** What the program prints: what each case is told, or the value that it has after all. */
export type Answers = Readonly<Record<string, string>>;

/** Runs the program that lies next to the tests. It fails in the end, as a program with such mistakes must. */
export function answersOf(program: string): Answers {
  const file = path.join(__dirname, program);
  const options = { encoding: "utf8", timeout: 50_000 } as const;
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", file], options);
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Answers;
}

/** Pulumi puts the property in front that it could not send to the engine. */
export function said(answer: string | undefined): string | undefined {
  return answer?.replace(/^(error serializing property "\w+": )+/, "");
}

/** Runs the cases one after the other, and prints what each is told as one JSON object. */
export async function tellAll(cases: Cases): Promise<void> {
  process.on("unhandledRejection", () => {});
  const answers: Record<string, string> = {};
  for (const [name, make] of Object.entries(cases)) answers[name] = await told(name, make);
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}

/** The engine is told of the first thing that goes wrong, whichever output it is. */
async function told(name: string, make: (name: string) => pulumi.Output<unknown>): Promise<string> {
  let first: (text: string) => void = () => {};
  const failed = new Promise<string>((resolve) => (first = resolve));
  const listener = (error: unknown) => {
    if ((error as Error).message.includes(`"${name}"`)) first((error as Error).message);
  };
  process.on("unhandledRejection", listener);
  const value = valueOf(make(name)).then(String, (error: Error) => error.message);
  const text = await Promise.race([failed, value]);
  process.off("unhandledRejection", listener);
  return text;
}
