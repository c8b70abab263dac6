import type { z } from "zod";
import { nearest } from "./internal/nearest.ts";
import { visibleLine } from "./internal/visible.ts";

/** One thing that is wrong with an argument, and where: `tags[0]`, or `""` for the whole. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

type RawIssue = z.core.$ZodIssue;

const LONGEST_LIST = 100;
const LONGEST_TEXT = 300;

/**
 * Zod's issues as a caller reads them: a path, a sentence, and for an unknown field the one that was probably meant.
 * Never holds the value that was refused.
 */
export function describeIssues(issues: readonly RawIssue[], fields: readonly string[]): InputIssue[] {
  const described = issues.slice(0, LONGEST_LIST).flatMap((issue) => describeIssue(issue, fields));
  const more = issues.length - LONGEST_LIST;
  if (more > 0) described.push({ path: "", message: `and ${more} more` });
  return described;
}

/** The issues in one line, for a message. */
export function summarizeIssues(issues: readonly InputIssue[]): string {
  const shown = issues.slice(0, 5).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`);
  return shown.join("; ");
}

function describeIssue(issue: RawIssue, fields: readonly string[]): InputIssue[] {
  const path = toPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, LONGEST_LIST).map((key) => ({
      path: toPath([...issue.path, key]),
      message: `is not a field here${meant(key, issue.path.length === 0 ? fields : [])}`,
    }));
  }
  return [{ path, message: sentence(issue) }];
}

function meant(key: string, fields: readonly string[]): string {
  const candidates = nearest(key, fields);
  return candidates.length === 0 ? "" : `; did you mean ${candidates.join(" or ")}?`;
}

function sentence(issue: RawIssue): string {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const forms = issue.errors.map((branch) => branch.map((inner) => inPlace(inner)).join(" and "));
    return visibleLine([...new Set(forms)].join(", or "), LONGEST_TEXT);
  }
  const text = issue.message
    .replace(/^Invalid input: /, "")
    .replace(/^(expected .*), received undefined$/, "is missing: $1");
  return visibleLine(text, LONGEST_TEXT);
}

function inPlace(issue: RawIssue): string {
  return issue.path.length === 0 ? sentence(issue) : `${toPath(issue.path)}: ${sentence(issue)}`;
}

function toPath(segments: readonly PropertyKey[]): string {
  let path = "";
  for (const segment of segments) {
    if (typeof segment === "number") path += `[${segment}]`;
    else path += `${path === "" ? "" : "."}${visibleLine(String(segment), 64)}`;
  }
  return path;
}
