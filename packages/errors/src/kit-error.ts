/**
 * The one error class of Container Kit, and the tables that it is made from.
 *
 * Invariants:
 * - E1  A code is unique in the workspace and stable for ever: programs branch on it.
 * - E2  `message` says what happened, with the values; advice lives in `remedy`, which comes from the table.
 * - E3  The cause is kept, never flattened into the message.
 * - E4  The class is recognised by a brand, because a bundled program holds several copies of this file.
 */

/** The group of a code, as the contract's table of error codes has it. */
export type ErrorCategory =
  | "input"
  | "engine"
  | "registry"
  | "build"
  | "security"
  | "session"
  | "runtime"
  | "workflow"
  | "sandbox"
  | "deploy";

/** Who can mend it: the caller, the surroundings (engine, registry, disk) or Container Kit itself. */
export type ErrorFault = "caller" | "environment" | "us";

/** One row of an error table. */
export interface ErrorEntry {
  readonly category: ErrorCategory;
  /** What the code means, in one sentence without values. */
  readonly summary: string;
  /** What the reader should do next, in one sentence. */
  readonly remedy: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly fault: ErrorFault;
}

/** An error table: code to entry. */
export type ErrorTable = Readonly<Record<string, ErrorEntry>>;

/** What may accompany an error. */
export interface ErrorContext {
  readonly cause?: unknown;
  /** Plain JSON, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Which part of the operation failed, e.g. `upload` or `read-back`. */
  readonly stage?: string;
  /** The last lines that the engine or the build step printed. */
  readonly logTail?: string;
  /** Replaces the table's remedy where a more exact next step is known. */
  readonly remedy?: string;
}

const BRAND = Symbol.for("container-kit.error");

/** A failure with a stable code. Made by the functions that {@link defineErrors} returns, never by `new`. */
export class KitError extends Error {
  override readonly name = "KitError";
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly fault: ErrorFault;
  readonly stage: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly logTail: string | undefined;
  readonly [BRAND] = true;

  constructor(code: string, entry: ErrorEntry, message: string, context: ErrorContext = {}) {
    super(message, "cause" in context ? { cause: context.cause } : undefined);
    this.code = code;
    this.category = entry.category;
    this.remedy = context.remedy ?? entry.remedy;
    this.retryable = entry.retryable;
    this.fault = entry.fault;
    this.stage = context.stage;
    this.details = context.details;
    this.logTail = context.logTail;
  }
}

/** Makes an error of one of the table's codes. */
export type Fail<Code extends string> = (code: Code, message: string, context?: ErrorContext) => KitError;

/**
 * Turns an error table into the function that makes its errors.
 *
 * @example
 * const fail = defineErrors({ IMAGE_NOT_FOUND: { category: "registry", summary: "…", remedy: "…", retryable: false, fault: "caller" } });
 * throw fail("IMAGE_NOT_FOUND", `${reference} is not in ${registry}`, { cause });
 */
export function defineErrors<const Table extends ErrorTable>(table: Table): Fail<Extract<keyof Table, string>> {
  return (code, message, context) => {
    const entry = table[code];
    if (entry === undefined) throw new TypeError(`expected a code of this table, got ${code}`);
    return new KitError(code, entry, message, context);
  };
}

/** Whether a value is an error of Container Kit, whichever bundled copy made it; with `code`, whether it is that one. */
export function isKitError(value: unknown, code?: string): value is KitError {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as KitError).code === code;
}
