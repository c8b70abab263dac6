import { visibleLine } from "./internal/visible.ts";
import type { ToolProgress } from "./types.ts";

const LONGEST_MESSAGE = 500;
const LONGEST_NAME = 100;
/** Text is masked before it is cut, so that no half of a secret stays; this much of it is enough for that. */
const MASKED_BEFORE_CUT = 4;

/** A report as it was made: only the known fields, only of the right kind. Undefined for what is none, or cannot be read. */
export function readReport(progress: unknown): ToolProgress | undefined {
  try {
    return readFields(progress);
  } catch {
    // A getter or a proxy that throws: its tool is not to fail by a report.
    return undefined;
  }
}

/** A report fit to leave the process: each text one visible line without secrets. */
export function fitReport(report: ToolProgress, redact: (text: string) => string): ToolProgress {
  const fit = (text: string, length: number): string =>
    visibleLine(redact(text.slice(0, length * MASKED_BEFORE_CUT)), length);
  const { message, phase, id } = report;
  return {
    ...report,
    message: fit(message, LONGEST_MESSAGE),
    ...(phase === undefined ? {} : { phase: fit(phase, LONGEST_NAME) }),
    ...(id === undefined ? {} : { id: fit(id, LONGEST_NAME) }),
  };
}

function readFields(progress: unknown): ToolProgress | undefined {
  if (typeof progress !== "object" || progress === null) return undefined;
  const { message, phase, id, current, total, unit, done } = progress as Partial<Record<keyof ToolProgress, unknown>>;
  if (typeof message !== "string") return undefined;
  return {
    message,
    ...(typeof phase === "string" ? { phase } : {}),
    ...(typeof id === "string" ? { id } : {}),
    ...(isCount(current) ? { current } : {}),
    ...(isCount(total) ? { total } : {}),
    ...(unit === "bytes" || unit === "steps" ? { unit } : isCount(current) ? { unit: "steps" as const } : {}),
    ...(done === true ? { done } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
