import { commonErrors } from "./common.ts";
import { defineErrors, isKitError } from "./kit-error.ts";
import type { ErrorCategory } from "./kit-error.ts";

/** An error as a program reads it over the wire: the `error` member of a failed result. */
export interface ErrorResult {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  readonly retryable: boolean;
  readonly remedy: string;
  readonly stage?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly logTail?: string;
}

const fail = defineErrors(commonErrors);

/** Renders any thrown value as an {@link ErrorResult}; what is not one of ours becomes `INTERNAL`. */
export function toErrorResult(thrown: unknown): ErrorResult {
  const error = isKitError(thrown) ? thrown : fail("INTERNAL", describe(thrown), { cause: thrown });
  return {
    code: error.code,
    category: error.category,
    message: error.message,
    retryable: error.retryable,
    remedy: error.remedy,
    ...(error.stage === undefined ? {} : { stage: error.stage }),
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(error.logTail === undefined ? {} : { logTail: error.logTail }),
  };
}

function describe(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === "" ? thrown.name : thrown.message;
  return typeof thrown === "string" ? thrown : "a value that is not an error was thrown";
}
