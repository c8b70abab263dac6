/**
 * Labels of entries, in the form that sessions' labels have: that of Kubernetes.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
import { invalid } from "../errors.ts";

const LONGEST_PREFIX = 253;
const MOST_LABELS = 64;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PREFIX_PART = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The labels as JSON, sorted by key. @throws INVALID_INPUT naming the label */
export function toLabelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return "{}";
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    throw invalid("labels", "expected an object with a text for each label");
  }
  const all = Object.entries(labels);
  if (all.length > MOST_LABELS) throw invalid("labels", `an entry has at most ${MOST_LABELS} labels`);
  for (const [key, value] of all) {
    const fault = findLabelFault(key, value);
    if (fault !== undefined) throw invalid(`labels[${JSON.stringify(key.slice(0, 80))}]`, fault);
  }
  return JSON.stringify(Object.fromEntries(all.toSorted(([one], [other]) => (one < other ? -1 : 1))));
}

function findLabelFault(key: string, value: unknown): string | undefined {
  const slash = key.indexOf("/");
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (prefix !== undefined && !isDomain(prefix)) {
    return "the part before the slash must be a DNS name in lower case of at most 253 characters";
  }
  if (!NAME.test(name)) {
    return "a key is 1 to 63 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit";
  }
  if (value === "" || (typeof value === "string" && NAME.test(value))) return undefined;
  return "a value is at most 63 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit";
}

function isDomain(prefix: string): boolean {
  return prefix.length <= LONGEST_PREFIX && prefix.split(".").every((part) => PREFIX_PART.test(part));
}
