/**
 * What of a failed call is kept and given out again.
 *
 * - N1  No secret: an argument that holds one is left out as a whole, because a masked one would be followed as it is.
 * - N2  Not without bound: a chain is an entry of the session, and a proposal is read by a model. What is too large is left
 *       out as well, and what is no plain JSON: for the sake of one argument no failure goes without its decision. Both are
 *       named, so that whoever follows the proposal gives them again.
 * - N3  Of an error's details each member is kept for itself: how bad it is, or when to come back, is not lost because of a
 *       long list beside it.
 */
import type { Redactor } from "@container-kit/observability";
import { findJsonFault } from "../plain-json.ts";
import type { Failure, FailedCall } from "./types.ts";

const LARGEST_ARGUMENT = 16_384;
const LARGEST_INPUT = 65_536;
const LARGEST_DETAILS = 16_384;
const LONGEST_MESSAGE = 16_384;
/** A member of the details of a failure in the list of a chain (chain-entry.ts), which is the deepest that is kept. */
const DEPTH_IN_CHAIN = 5;

/** A failure whose input and error may be kept. */
export interface KnownCall {
  readonly failure: Failure;
  /** Names of arguments that were left out. */
  readonly withheld: readonly string[];
}

/** (N1, N2, N3) */
export function knownCall(call: FailedCall, redactor: Pick<Redactor, "value">): KnownCall {
  const { tool, sessionId, autoFix, labels, severity } = call;
  const { input, withheld } = knownInput(call.input, redactor);
  const failure: Failure = {
    tool,
    sessionId,
    autoFix,
    input,
    error: knownError(call.error, redactor),
    ...(labels === undefined ? {} : { labels }),
    ...(severity === undefined ? {} : { severity }),
  };
  return { failure, withheld };
}

/** Names what has to be given again. */
export function withReminder(reason: string, withheld: readonly string[]): string {
  if (withheld.length === 0) return reason;
  const which = withheld.join(", ");
  return `${reason} Give ${which} again: ${withheld.length === 1 ? "it is" : "they are"} not repeated here.`;
}

function knownInput(
  given: Failure["input"],
  redactor: Pick<Redactor, "value">,
): { readonly input: Failure["input"]; readonly withheld: readonly string[] } {
  // As a whole, because whether a value is a secret may depend on its name.
  const masked: Readonly<Record<string, unknown>> = redactor.value(given);
  const kept: [string, unknown][] = [];
  const withheld: string[] = [];
  let total = 0;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const size = Object.hasOwn(masked, name) && isSame(masked[name], value) ? sizeOf(value) : Infinity;
    if (size > LARGEST_ARGUMENT || total + size > LARGEST_INPUT) {
      withheld.push(name);
    } else {
      kept.push([name, value]);
      total += size;
    }
  }
  return { input: Object.fromEntries(kept), withheld };
}

function knownError(given: Failure["error"], redactor: Pick<Redactor, "value">): Failure["error"] {
  const { code, category, retryable, message, details } = redactor.value(given);
  return {
    code,
    category,
    retryable,
    ...(message === undefined ? {} : { message: message.slice(0, LONGEST_MESSAGE) }),
    ...(details === undefined ? {} : { details: knownDetails(details) }),
  };
}

type Details = NonNullable<Failure["error"]["details"]>;

/** (N3) */
function knownDetails(given: Details): Details {
  const kept: [string, unknown][] = [];
  let total = 0;
  for (const [name, value] of Object.entries(given)) {
    const size = sizeOf(value);
    if (total + size > LARGEST_DETAILS) continue;
    kept.push([name, value]);
    total += size;
  }
  return Object.fromEntries(kept);
}

/** A redactor hands back what it did not change; one that always copies is understood too. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  const text = textOf(one);
  return text !== undefined && text === textOf(other);
}

/** What is no JSON cannot be kept: it counts as too large. */
function sizeOf(value: unknown): number {
  const text = textOf(value);
  if (text === undefined || findJsonFault(value, Infinity, DEPTH_IN_CHAIN) !== undefined) return Infinity;
  return Buffer.byteLength(text);
}

/** Undefined for what is no JSON. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // A circle or a BigInt: said by the answer.
    return undefined;
  }
}
