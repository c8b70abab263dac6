import { isKitError } from "@container-kit/errors";
import type { PluginError } from "../messages.ts";

const LONGEST = 4_000;
const CODED = Symbol("coded");

/** What Node says of a refusal. */
interface Denial {
  readonly permission?: string;
  readonly resource?: string;
  readonly details?: unknown;
}

/** An error of the host's own, with a code of the runtime. */
export function hostError(code: string, message: string, details?: Readonly<Record<string, unknown>>): Error {
  return Object.assign(new Error(message), { code, details, [CODED]: true });
}

/** Tells a thrown value in plain data. Never throws: the value may be a trap. */
export function describeError(error: unknown): PluginError {
  try {
    if (isKitError(error)) {
      const { code, category, message, remedy, retryable, stage, details, logTail } = error;
      return plain({ code, category, message, remedy, retryable, stage, details, logTail });
    }
    if (!(error instanceof Error))
      return { message: `threw ${typeof error === "string" ? error.slice(0, LONGEST) : typeof error}` };
    const { code, permission = "", resource = "", details } = error as NodeJS.ErrnoException & Denial;
    const base = { message: error.message.slice(0, LONGEST) || error.name, stack: error.stack?.slice(0, LONGEST) };
    if (code === "ERR_ACCESS_DENIED") return plain({ ...base, denied: `${permission} ${resource}`.trim() });
    return plain(CODED in error ? { ...base, code, details } : base);
  } catch {
    return { message: "threw a value that cannot be read" };
  }
}

/** Only what JSON can say, without members that are undefined. */
function plain(error: object): PluginError {
  return JSON.parse(JSON.stringify(error)) as PluginError;
}
