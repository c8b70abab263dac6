/**
 * What a call is about, as one short text: by it a repetition is recognised although other arguments have changed.
 *
 * - B1  The same call has the same subject in every process, and no subject holds a secret, or what no key of an entry may.
 * - B2  A folder is the same however it is written: `./shop/` is `shop`.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Redactor } from "@container-kit/observability";
import { isPlainText } from "../plain-text.ts";

/** Arguments that say what a call is about, the weightiest first. */
const NAMES = [
  "context",
  "path",
  "image",
  "target",
  "source",
  "report",
  "scanId",
  "registry",
  "workflow",
  "definition",
  "runId",
  "name",
  "manifest",
  "jobId",
] as const;

const FOLDERS: ReadonlySet<string> = new Set(["context", "path"]);

/** With a tool's name before it, it still is a key of an entry. */
const LONGEST = 300;

/** Empty for a call that is about nothing in particular. */
export function subjectOf(input: Readonly<Record<string, unknown>>, redactor: Pick<Redactor, "value">): string {
  for (const name of NAMES) {
    const value = Object.hasOwn(input, name) ? input[name] : undefined;
    if (value === undefined || value === null || value === "") continue;
    const masked: unknown = redactor.value(value);
    if (typeof masked !== "string") return fit(JSON.stringify(masked));
    return fit(FOLDERS.has(name) ? folderOf(masked) : masked);
  }
  return "";
}

/** (B2) */
function folderOf(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** (B1) */
function fit(text: string): string {
  if (isPlainText(text, LONGEST)) return text;
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
