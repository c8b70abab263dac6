import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package; those of the medium below it, `STORE_*`, pass through. */
export const contextErrors = {
  ...commonErrors,
} as const satisfies ErrorTable;

export const fail = defineErrors(contextErrors);

/** The refusal of an argument, naming it. */
export function invalid(path: string, message: string): Error {
  return fail("INVALID_INPUT", path === "" ? message : `${path}: ${message}`, {
    details: { issues: [{ path, message }] },
  });
}
