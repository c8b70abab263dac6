/** Decisions about failures, as a person reads them. */
import type { RoutingDecision } from "@container-kit/context-sharing";
import { formatDuration } from "../text/amounts.ts";
import { toPlainText } from "../text/plain.ts";

const WORDS: Readonly<Record<RoutingDecision["action"], string>> = {
  route: "next",
  retry: "retry",
  fail: "give up",
  ignore: "go on",
};

/** What is to be done, why, and the command that does it. */
export function describeRouting(decision: RoutingDecision): string {
  const { rule, action, toTool, afterMs, reason } = decision;
  const what = [WORDS[action], toTool, afterMs === undefined ? undefined : `after ${formatDuration(afterMs)}`];
  const head = `${what.filter((word) => word !== undefined).join(" ")}: ${reason} [${rule}]`;
  const command = commandOf(decision);
  return toPlainText(command === null ? head : `${head}\n  ${command}`);
}

/** The call that a decision proposes, as a command line. */
function commandOf({ toTool, arguments: given = {} }: RoutingDecision): string | null {
  if (toTool === undefined) return null;
  const { sessionId, ...input } = given;
  const session = typeof sessionId === "string" ? ` --session ${quote(sessionId)}` : "";
  return `container-kit call ${quote(toTool)}${session} --input ${quote(JSON.stringify(input))}`;
}

/** One word for a shell. */
function quote(text: string): string {
  return /^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
