import { visibleLine } from "../internal/visible.ts";
import type { NamedEntry, OutcomeContext } from "../types.ts";

const LONGEST_LINE = 300;
const LONGEST_NAME = 100;

/** What an outcome says of the session's entries, a line for each thing that there is. */
export function renderContext(context: OutcomeContext | undefined): string[] {
  if (context === undefined) return [];
  const { used = [], known = [], problems = [] } = context;
  const lines: string[] = [];
  // What filled several arguments is one entry to a reader.
  if (used.length > 0) lines.push(`Used: ${[...new Set(used.map(nameWithMaker))].join(", ")}`);
  if (known.length > 0) lines.push(`Known: ${known.map(nameWithMaker).join(", ")}`);
  if (problems.length > 0) lines.push(`Not kept: ${problems.join("; ")}`);
  return lines.map((line) => visibleLine(line, LONGEST_LINE));
}

function nameWithMaker({ type, key, tool }: Pick<NamedEntry, "type" | "key" | "tool">): string {
  return `${type} ${visibleLine(key, LONGEST_NAME)} (${tool})`;
}
