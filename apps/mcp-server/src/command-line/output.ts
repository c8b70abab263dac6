import type { ErrorResult } from "@container-kit/errors";
import { createRedactor } from "@container-kit/observability";
import { toPlainText } from "../text/plain.ts";
import type { Host } from "./host.ts";

/** How a command was asked to speak. */
export type OutputMode = "text" | "json" | "stream";

/**
 * Where a command's words go: results on stdout, everything else on stderr.
 *
 * - P1  In the modes `json` and `stream` stdout carries JSON only, and stderr stays silent but for the log.
 * - P2  A reader that closes stdout early is no failure.
 * - P3  What looks like a credential is masked, whoever says it: an argument that is refused, or an address.
 */
export interface Output {
  readonly mode: OutputMode;
  /** A result for a person; nothing in the other modes. */
  text(text: string): void;
  /** A remark for a person on stderr; nothing in the other modes. */
  note(text: string): void;
  /** The result for a program: the one document, or the last line of the stream. Nothing in the mode `text`. */
  document(document: object): void;
  /** One line of the stream. Nothing in the other modes. */
  event(event: { readonly type: string } & Record<string, unknown>): void;
  /** A failure: for a person on stderr, for a program as the document. */
  failure(error: ErrorResult, document?: object): void;
}

export function createOutput(host: Host, mode: OutputMode): Output {
  const redactor = createRedactor();
  const print = (text: string): void => void host.stdout.write(`${text}\n`);
  const note = (text: string): void => void (mode === "text" && host.stderr.write(`${redactor.text(text)}\n`));
  const document = (value: object): void => {
    const safe = redactor.value(value);
    if (mode === "json") print(JSON.stringify(safe, undefined, 2));
    if (mode === "stream") print(JSON.stringify({ type: "result", ...safe }));
  };
  return {
    mode,
    note,
    document,
    text: (text) => {
      if (mode === "text") print(redactor.text(text));
    },
    event: (event) => {
      if (mode === "stream") print(JSON.stringify(event));
    },
    failure(error, value = { ok: false, error }) {
      note(describeError(error));
      document(value);
    },
  };
}

/** A failure as a person reads it: what happened, what was printed last, what to do next. */
export function describeError(error: ErrorResult): string {
  const lines = [`error: ${error.message} [${error.code}]`];
  if (error.logTail !== undefined && error.logTail !== "") {
    for (const line of error.logTail.trimEnd().split("\n")) lines.push(`  | ${line}`);
  }
  for (const issue of issuesOf(error)) lines.push(`  - ${issue}`);
  lines.push(`  ${error.remedy}`);
  return toPlainText(lines.join("\n"));
}

function issuesOf({ details }: ErrorResult): readonly string[] {
  const issues = details?.["issues"];
  if (!Array.isArray(issues)) return [];
  return issues.flatMap((issue: unknown) => {
    if (typeof issue !== "object" || issue === null || !("message" in issue)) return [];
    const path = "path" in issue ? (Array.isArray(issue.path) ? issue.path.join(".") : String(issue.path)) : "";
    return [path === "" ? String(issue.message) : `${path}: ${String(issue.message)}`];
  });
}
