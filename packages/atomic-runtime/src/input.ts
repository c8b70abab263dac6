import { fail } from "./errors.ts";
import { describeIssues, summarizeIssues } from "./issues.ts";
import type { InputIssue } from "./issues.ts";
import type { PreparedTool } from "./schema.ts";

/** A call's input after the one parse: the tool's own fields apart from the runtime's. */
export interface ParsedInput {
  readonly sessionId: string | undefined;
  readonly dryRun: boolean;
  readonly idempotencyKey: string | undefined;
  /** Undefined: as long as the runtime lets a call last. */
  readonly wait: boolean | undefined;
  readonly own: Record<string, unknown>;
}

/** Parses a call's input; nothing is parsed again after this. @param explain says more of an issue @throws INVALID_INPUT with every issue */
export function parseInput(
  tool: PreparedTool,
  input: unknown,
  explain?: (issue: InputIssue) => InputIssue,
): ParsedInput {
  const parsed = tool.inputSchema.safeParse(input ?? {});
  if (!parsed.success) {
    const described = describeIssues(parsed.error.issues, tool.inputFields);
    const issues = explain === undefined ? described : described.map(explain);
    throw fail("INVALID_INPUT", `the input of ${tool.definition.name} is not valid: ${summarizeIssues(issues)}`, {
      details: { issues },
    });
  }
  const { sessionId, dryRun, idempotencyKey, wait, ...own } = parsed.data;
  return {
    sessionId: sessionId as string | undefined,
    dryRun: dryRun === true,
    idempotencyKey: idempotencyKey as string | undefined,
    wait: wait as boolean | undefined,
    own,
  };
}

/** The session that an input names, although the rest of it may be invalid. */
export function namedSession(input: unknown): string | undefined {
  if (typeof input !== "object" || input === null || !("sessionId" in input)) return undefined;
  return typeof input.sessionId === "string" ? input.sessionId : undefined;
}
