import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package; those of the medium below it, `STORE_*`, pass through. */
export const contextErrors = {
  ...commonErrors,
} as const satisfies ErrorTable;

export const fail = defineErrors(contextErrors);

const LONGEST_PATH = 200;

/** The refusal of an argument, naming it. */
export function invalid(at: string, message: string): Error {
  const path = at.length > LONGEST_PATH ? `${at.slice(0, LONGEST_PATH)}…` : at;
  return fail("INVALID_INPUT", path === "" ? message : `${path}: ${message}`, {
    details: { issues: [{ path, message }] },
  });
}
