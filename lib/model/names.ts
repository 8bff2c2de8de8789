// The shapes of Kubernetes names and labels (k8s.io/apimachinery, pkg/util/validation).
import type { Problems } from "./problems";

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const DNS_SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const QUALIFIED_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const MAX_DNS_LABEL = 63;
const MAX_DNS_SUBDOMAIN = 253;
/** Also the longest label value. */
const MAX_QUALIFIED_NAME = 63;

/** Whether the text can name a Namespace. */
export function isDnsLabel(text: string): boolean {
  return text.length <= MAX_DNS_LABEL && DNS_LABEL.test(text);
}

/** Whether the text can name most other objects. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= MAX_DNS_SUBDOMAIN && DNS_SUBDOMAIN.test(text);
}

/** Whether the text can be the value of a label. */
export function isLabelValue(text: string): boolean {
  return text === "" || (text.length <= MAX_QUALIFIED_NAME && QUALIFIED_NAME.test(text));
}

/** Whether the text can be the key of a label: `name` or `dns.prefix/name`. */
export function isLabelKey(text: string): boolean {
  const [name = "", prefix, ...rest] = text.split("/").reverse();
  if (rest.length > 0 || name === "" || !isLabelValue(name)) return false;
  return prefix === undefined || isDnsSubdomain(prefix);
}

/** Checks the name of a Namespace. */
export function checkNamespaceName(what: string, got: string, problems: Problems): void {
  if (isDnsLabel(got)) return;
  problems.add(
    what,
    got,
    certainName(got, isDnsLabel) ??
      `a namespace name has 1 to ${MAX_DNS_LABEL} lower-case letters, digits and "-", and starts and ends with a letter or digit`,
  );
}

/**
 * Checks the name of an object.
 *
 * @param longestSuffix what podpin may append to it, so that the longest name fits as well
 */
export function checkObjectName(what: string, got: string, problems: Problems, longestSuffix = ""): void {
  if (isDnsSubdomain(got) && got.length + longestSuffix.length <= MAX_DNS_SUBDOMAIN) return;
  problems.add(
    what,
    got,
    certainName(got, (name) => isDnsSubdomain(name + longestSuffix)) ??
      `an object name has 1 to ${MAX_DNS_SUBDOMAIN - longestSuffix.length} lower-case letters, digits, "-" and ".", and starts and ends with a letter or digit`,
  );
}

/** Checks labels that select objects: never empty, since Kubernetes reads that as "everything". */
export function checkSelector(
  what: string,
  labels: Readonly<Record<string, string>>,
  emptyMeans: string,
  problems: Problems,
): void {
  // A text or a list has keys too: their positions.
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    problems.add(what, labels, 'write the labels as an object, for example { app: "web" }');
    return;
  }
  if (Object.keys(labels).length === 0) problems.add(what, labels, emptyMeans);
  if (typeof labels["matchLabels"] === "object") {
    problems.add(what, labels, 'write the labels themselves, without matchLabels, for example { app: "web" }');
    return;
  }
  for (const [key, value] of Object.entries(labels)) {
    if (!isLabelKey(key)) {
      problems.add(
        what,
        key,
        `a label key has 1 to ${MAX_QUALIFIED_NAME} letters, digits, "-", "_" and ".", starts and ends with a letter or digit, and may follow a DNS prefix as in "example.com/team"`,
      );
    }
    checkLabelValue(`${what}[${JSON.stringify(key)}]`, value, problems);
  }
}

/** Checks the value of a label. */
export function checkLabelValue(what: string, value: unknown, problems: Problems): void {
  if (typeof value === "string" && isLabelValue(value)) return;
  if (typeof value === "number" || typeof value === "boolean") {
    problems.add(what, value, `the value of a label is text: use "${value}"`);
    return;
  }
  problems.add(
    what,
    value,
    `a label value has at most ${MAX_QUALIFIED_NAME} letters, digits, "-", "_" and ".", and starts and ends with a letter or digit`,
  );
}

/** Lower case and "_" for "-" are the two slips with one possible meaning. */
function certainName(got: string, isValid: (name: string) => boolean): string | undefined {
  const meant = String(got).toLowerCase().replaceAll("_", "-");
  return isValid(meant) ? `use ${JSON.stringify(meant)}` : undefined;
}
