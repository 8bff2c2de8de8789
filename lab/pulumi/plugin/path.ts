// Property paths as the engine writes them: `spec.addresses[0].value`, `metadata.labels["a.b/c"]`.

export type Step = string | number;
export type Path = readonly Step[];

export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/[."[\]]/.test(step)) text += `["${step.replaceAll('"', '\\"')}"]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** The steps of a path; `*` stands for any index or key. */
export function parsePath(text: string): readonly Step[] {
  const steps: Step[] = [];
  const token = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\[(\*)\]|([^.[\]]+)/g;
  for (const [, quoted, index, star, plain] of text.matchAll(token)) {
    if (quoted !== undefined) steps.push(quoted.replaceAll('\\"', '"'));
    else if (index !== undefined) steps.push(Number(index));
    else steps.push(star ?? plain ?? "");
  }
  return steps;
}

/** True if `path` is `pattern` or lies below it. */
export function isWithin(path: Path, pattern: Path): boolean {
  return pattern.length <= path.length && pattern.every((step, i) => step === "*" || step === path[i]);
}
