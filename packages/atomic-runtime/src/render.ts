import type { RoutingDecision } from "@container-kit/context-sharing";
import { renderContext } from "./context/render-context.ts";
import type { Services } from "./execution.ts";
import { visible, visibleLine } from "./internal/visible.ts";
import { describeMs } from "./middleware/wait.ts";
import type { NextStep, ToolFailure, ToolOutcome, ToolSuccess } from "./types.ts";

const LONGEST_TEXT = 8_000;
/** More than all its lines together, so that the last ones are never cut. */
const LONGEST_FOOT = 4_500;
const LONGEST_LINE = 400;
/** What is to be called next is shown as whole as it can be. */
const LONGEST_ARGUMENTS = 600;
const LONGEST_ROUTE = 1_000;
const LONGEST_ID = 128;
const LOG_LINES = 20;
const SHOWN_ITEMS = 5;
const CUT = "\n… (cut; the whole is in the structured result)";

/**
 * The text twin of an outcome: what a person, or a client without structured content, reads.
 *
 * - T1  At most 8,000 characters; what must survive (next steps, ids) is kept by cutting what is above it.
 * - T2  Nothing invisible: colours are dropped, other control and direction characters are written out.
 */
export function renderOutcome(services: Services, outcome: ToolOutcome): string {
  const body = outcome.ok ? describeSuccess(services, outcome) : describeFailure(outcome);
  const foot = visible(footOf(outcome)).slice(0, LONGEST_FOOT);
  const text = visible(body.slice(0, LONGEST_TEXT * 2)).trimEnd();
  const room = LONGEST_TEXT - foot.length - 1;
  return `${text.length <= room ? text : text.slice(0, room - CUT.length) + CUT}\n${foot}`;
}

function describeSuccess(services: Services, outcome: ToolSuccess): string {
  if (isUnderWay(outcome)) return `${outcome.tool}: goes on as a job`;
  const head = outcome.dryRun ? `${outcome.tool}: dry run, nothing was changed\n` : "";
  return head + (summarize(services, outcome) ?? `${outcome.tool}: done\n${listMembers(outcome.result)}`);
}

/** The answer to a call whose work goes on. No tool's own result is so: only such an answer names its own job in its result. */
function isUnderWay({ jobId, result }: ToolSuccess): boolean {
  return jobId !== undefined && result["jobId"] === jobId && result["status"] === "running";
}

/** The tool's own words, where it has some and they can be had. */
function summarize({ registry, inputs, redactor, logger }: Services, outcome: ToolSuccess): string | undefined {
  const input = inputs.get(outcome);
  if (input === undefined || !registry.serves(outcome.tool)) return undefined;
  const { definition } = registry.get(outcome.tool);
  try {
    const text: unknown = definition.summarize?.(outcome.result, input);
    return typeof text === "string" ? redactor.text(text.slice(0, LONGEST_TEXT * 2)) : undefined;
  } catch (error) {
    logger.warn("a summary broke", { tool: outcome.tool, error });
    return undefined;
  }
}

function describeFailure({ tool, error }: ToolFailure): string {
  const lines = [
    `${tool === "" ? "call" : tool} failed: ${error.code}: ${error.message}`,
    `What to do: ${error.remedy}`,
  ];
  if (error.stage !== undefined) lines.push(`Stage: ${error.stage}`);
  if (error.logTail !== undefined) lines.push("Last output:", ...lastLines(error.logTail));
  return lines.join("\n");
}

function lastLines(log: string): string[] {
  return visible(log)
    .trimEnd()
    .split("\n")
    .slice(-LOG_LINES)
    .map((line) => `  ${line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}…`}`);
}

function footOf(outcome: ToolOutcome): string {
  const lines = renderContext(outcome.context);
  if (outcome.ok) lines.push(...outcome.next.slice(0, 5).map((step) => describeStep(step, outcome.sessionId)));
  else if (outcome.routing !== undefined) lines.push(describeRouting(outcome.routing, outcome.sessionId));
  if (outcome.jobId !== undefined) lines.push(`jobId: ${visibleLine(outcome.jobId, LONGEST_ID)}`);
  if (outcome.sessionId !== "") lines.push(`sessionId: ${visibleLine(outcome.sessionId, LONGEST_ID)}`);
  if (!outcome.ok) lines.push(`correlationId: ${visibleLine(outcome.correlationId, LONGEST_ID)}`);
  return lines.join("\n");
}

function describeStep({ tool, reason, arguments: known }: NextStep, sessionId: string): string {
  return visibleLine(`Next: ${tool} ${brief(besides(known, sessionId), 200)} – ${reason}`, LONGEST_LINE);
}

function describeRouting(
  { action, toTool, arguments: known = {}, reason, afterMs = 0 }: RoutingDecision,
  sessionId: string,
): string {
  if (toTool === undefined) return visibleLine(`Routing: ${action} – ${reason}`, LONGEST_LINE);
  const when = afterMs > 0 ? ` (after ${describeMs(afterMs)})` : "";
  return visibleLine(
    `Next: ${toTool} ${brief(besides(known, sessionId), LONGEST_ARGUMENTS)} – ${reason}${when}`,
    LONGEST_ROUTE,
  );
}

/** The session of the outcome has a line of its own. */
function besides({ sessionId: named, ...known }: NextStep["arguments"], sessionId: string): NextStep["arguments"] {
  return named === undefined || named === sessionId ? known : { ...known, sessionId: named };
}

function listMembers(result: Readonly<Record<string, unknown>>): string {
  return Object.entries(result)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${brief(value, LONGEST_LINE)}`)
    .join("\n");
}

/** JSON with long lists and texts shortened, within a length; never walks more than it shows. */
function brief(value: unknown, length: number): string {
  const text = write(value, length);
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function write(value: unknown, room: number): string {
  if (room <= 0) return "…";
  if (typeof value === "string") return JSON.stringify(value.length <= room ? value : `${value.slice(0, room)}…`);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) {
    const parts = writeAll(value.slice(0, SHOWN_ITEMS), room, (item) => ["", item]);
    if (value.length > SHOWN_ITEMS) parts.push(`… ${value.length - SHOWN_ITEMS} more`);
    return `[${parts.join(", ")}]`;
  }
  return `{${writeAll(Object.entries(value), room, ([key, member]) => [`${key}: `, member]).join(", ")}}`;
}

function writeAll<Item>(items: readonly Item[], room: number, read: (item: Item) => [string, unknown]): string[] {
  const parts: string[] = [];
  let left = room;
  for (const item of items) {
    if (left <= 0) break;
    const [label, value] = read(item);
    const part = label + write(value, left);
    left -= part.length;
    parts.push(part);
  }
  return parts;
}
