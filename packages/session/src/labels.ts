/**
 * Labels as Kubernetes has them, so that they need no translation on the way to a cluster.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
import { invalid } from "./errors.ts";

const LONGEST_PREFIX = 253;
const MOST_LABELS = 64;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PREFIX_PART = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What is wrong with a label's key, or undefined. */
export function findKeyFault(key: string): string | undefined {
  const slash = key.indexOf("/");
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (prefix !== undefined) {
    const isDomain = prefix.length <= LONGEST_PREFIX && prefix.split(".").every((part) => PREFIX_PART.test(part));
    if (!isDomain) return "the part before the slash must be a DNS name in lower case of at most 253 characters";
  }
  if (NAME.test(name)) return undefined;
  return "a key is 1 to 63 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit";
}

/** What is wrong with a label's value, or undefined; an empty one is right. */
export function findValueFault(value: string): string | undefined {
  if (value === "" || NAME.test(value)) return undefined;
  return "a value is at most 63 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit";
}

/** The labels after a change, in which null removes. @throws INVALID_INPUT naming the label */
export function changeLabels(
  labels: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  const changed = new Map(Object.entries(labels));
  for (const [key, value] of Object.entries(changes)) {
    const at = `labels[${JSON.stringify(key.slice(0, 80))}]`;
    const fault = findKeyFault(key) ?? (value === null ? undefined : findValueFault(value));
    if (fault !== undefined) throw invalid(at, fault);
    if (value === null) changed.delete(key);
    else changed.set(key, value);
  }
  if (changed.size > MOST_LABELS) throw invalid("labels", `a session has at most ${MOST_LABELS} labels`);
  return Object.fromEntries([...changed].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
