import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";

/**
 * What is thrown where something of the context cannot be read: the error itself where it says so already.
 *
 * @param what how the message names it, `the folder a/b` for example
 */
export function unreadable(what: string, path: string, cause: unknown): Error {
  if (isKitError(cause)) return cause;
  return fail("CONTEXT_INVALID", `${what} of the build context cannot be read${because(cause)}`, {
    cause,
    details: { path },
  });
}

/** The reason where it tells what to do. */
function because(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EACCES" || code === "EPERM") return ": permission denied";
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return ": it changed while it was read";
  return "";
}
