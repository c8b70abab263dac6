import { SEVERITIES } from "./rule-schema.ts";
import type { Failure, Severity } from "./types.ts";

/** Whether one is as bad as another, or worse. What nobody knows is not known to be bad. */
export function isAtLeast(severity: Severity, limit: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(limit);
}

/**
 * How bad a failure is: what its caller says, else the worst that the error's details tell, as `severity` or as numbers of
 * findings by severity in `summary` or `severities`.
 */
export function severityOf({ severity, error: { details } }: Failure): Severity {
  if (severity !== undefined) return severity;
  if (details === undefined) return "unknown";
  const said = member(details, "severity");
  const named = SEVERITIES.find((one) => one === said);
  if (named !== undefined) return named;
  const counts = [member(details, "summary"), member(details, "severities")];
  return SEVERITIES.findLast((one) => counts.some((record) => isMany(member(record, one)))) ?? "unknown";
}

function member(record: unknown, name: string): unknown {
  if (typeof record !== "object" || record === null || !Object.hasOwn(record, name)) return undefined;
  return (record as Readonly<Record<string, unknown>>)[name];
}

function isMany(count: unknown): boolean {
  return typeof count === "number" && count > 0;
}
