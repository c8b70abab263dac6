/**
 * Typed errors with a stable code, a remedy and whether a retry helps.
 *
 * @packageDocumentation
 */

// Making errors: a package writes one table and gets the function that throws from it.
export { defineErrors, KitError } from "./kit-error.ts";
export type { ErrorCategory, ErrorContext, ErrorEntry, ErrorFault, ErrorTable, Fail } from "./kit-error.ts";
export { commonErrors } from "./common.ts";

// Reading errors: by brand, so that two bundled copies of this package agree.
export { isKitError } from "./kit-error.ts";
export { toErrorResult } from "./error-result.ts";
export type { ErrorResult } from "./error-result.ts";
