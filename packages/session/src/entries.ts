/**
 * The lines of this package in the journal.
 *
 * - Y1  A line is made by hand around texts that are JSON already: what a call hands in is turned to text once.
 * - Y2  A line may have been written by an older version: what reads it asks for the least, and passes over what it
 *       cannot use.
 */
import type { JournalEntry } from "@container-kit/storage";
import type { ExecutionStatus, Timestamp } from "./types.ts";

/** The kinds of entries. */
export const KINDS = {
  start: "session:start",
  end: "session:end",
  job: "session:job",
  delete: "session:delete",
} as const;

/** An execution begins. */
export interface StartEntry {
  readonly id: string;
  readonly session: string;
  readonly owner: number;
  readonly tool: string;
  readonly correlation: string;
  readonly at: Timestamp;
  readonly job?: string | undefined;
  readonly parent?: string | undefined;
  readonly dryRun?: true | undefined;
}

/** An execution ends. */
export interface EndEntry {
  readonly id: string;
  readonly status: Exclude<ExecutionStatus, "running">;
  /** Absent where nobody saw it. */
  readonly at?: Timestamp | undefined;
  /** How long it took, where one process saw both ends. */
  readonly ms?: number | undefined;
  readonly attempts?: number | undefined;
  readonly code?: string | undefined;
  readonly causes?: readonly string[] | undefined;
}

/** The line of a value with one more member, whose text is JSON already. */
export function withText(entry: StartEntry | EndEntry, name: "input" | "result" | "error", text: string): string {
  return `${JSON.stringify(entry).slice(0, -1)},"${name}":${text}}`;
}

/** An entry of this package as the projection reads it. */
export type ReadEntry =
  | { readonly kind: "start"; readonly start: StartEntry; readonly input: unknown }
  | { readonly kind: "end"; readonly end: EndEntry; readonly result: unknown; readonly error: unknown }
  | { readonly kind: "job"; readonly id: string; readonly job: string }
  | { readonly kind: "delete"; readonly session: string; readonly at: Timestamp };

const ENDS: ReadonlySet<unknown> = new Set(["completed", "failed", "cancelled", "interrupted"]);

/** The entry, or undefined for one that cannot be used (Y2). */
export function readEntry({ kind, body }: JournalEntry): ReadEntry | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const read = readers[kind];
  return read?.(body as Readonly<Record<string, unknown>>);
}

const readers: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => ReadEntry | undefined>> = {
  [KINDS.start](body) {
    const isWhole = areTexts(body, ["id", "session", "tool", "correlation"]) && areNumbers(body, ["owner", "at"]);
    return isWhole ? { kind: "start", start: body as unknown as StartEntry, input: body["input"] } : undefined;
  },
  [KINDS.end](body) {
    if (!areTexts(body, ["id"]) || !ENDS.has(body["status"])) return undefined;
    return { kind: "end", end: body as unknown as EndEntry, result: body["result"], error: body["error"] };
  },
  [KINDS.job](body) {
    return areTexts(body, ["id", "job"])
      ? { kind: "job", id: String(body["id"]), job: String(body["job"]) }
      : undefined;
  },
  [KINDS.delete](body) {
    const isWhole = areTexts(body, ["session"]) && areNumbers(body, ["at"]);
    return isWhole ? { kind: "delete", session: String(body["session"]), at: Number(body["at"]) } : undefined;
  },
};

function areTexts(body: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => typeof body[name] === "string");
}

function areNumbers(body: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => Number.isSafeInteger(body[name]));
}
