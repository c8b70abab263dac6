import { fail } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { describeIssues, summarizeIssues } from "./issues.ts";
import { readPlain } from "./internal/plain.ts";
import type { NextStep } from "./types.ts";

const LARGEST_RESULT = 1024 * 1024;
const LARGEST_NEXT = 16 * 1024;

/**
 * What a tool returned, as it may leave: of its schema, plain JSON, at most a mebibyte, without secrets.
 *
 * @throws OUTPUT_INVALID
 */
export function checkOutput(execution: Execution, returned: unknown): Record<string, unknown> {
  const { name, output } = execution.prepared.definition;
  const parsed = safely(() => output.safeParse(returned));
  if (parsed === undefined) throw fail("OUTPUT_INVALID", `${name} returned a value that cannot be read`);
  if (!parsed.success) {
    const issues = describeIssues(parsed.error.issues, []);
    throw fail("OUTPUT_INVALID", `${name} returned what its output schema does not allow: ${summarizeIssues(issues)}`, {
      details: { issues },
    });
  }
  const { value, problem } = readPlain(parsed.data, LARGEST_RESULT);
  if (problem !== undefined) {
    const where = problem.path === "" ? "it" : problem.path;
    throw fail("OUTPUT_INVALID", `${name} returned what cannot be sent: ${where} ${problem.message}`, {
      details: { issues: [problem] },
    });
  }
  return execution.services.redactor.value(value as Record<string, unknown>);
}

/**
 * What the tool says usually follows, without tools that are not served here. A dry run suggests nothing, because what
 * follows a success needs the effect. A suggestion that breaks is dropped: it must not cost the result. Each is in the same
 * session where the tool does not say otherwise: every tool takes one.
 */
export function nextSteps(execution: Execution, result: Record<string, unknown>): readonly NextStep[] {
  const { services, prepared, input } = execution;
  const { definition } = prepared;
  if (definition.next === undefined || input.dryRun) return [];
  try {
    const { registry } = services;
    const { sessionId } = execution.facts;
    const steps = definition
      .next(result, input.own)
      .filter((step) => registry.serves(step.tool))
      .map((step) => ({ ...step, arguments: { sessionId, ...step.arguments } }));
    const { value, problem } = readPlain(steps, LARGEST_NEXT);
    if (problem === undefined) return services.redactor.value(value as readonly NextStep[]);
    services.logger.warn("next steps dropped", { tool: definition.name, path: problem.path, problem: problem.message });
  } catch (error) {
    services.logger.warn("next steps dropped", { tool: definition.name, error });
  }
  return [];
}

/** A result may be a trap: a getter or a proxy that throws while it is read. */
function safely<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
