/**
 * A failure as rules are asked about it.
 *
 * - Q1  What many rules look at is worked out once for all of them.
 * - Q2  What nobody tells has a default: the contract's word on the code, no arguments, and that files may be changed.
 */
import { causeOf, historyOf, othersOf, readChain, usesOf } from "./chain.ts";
import type { CauseHistory } from "./chain.ts";
import { severityOf } from "./severity.ts";
import type { Failure, FailureChain, GivenFailure, Severity } from "./types.ts";
import { contractKindOf } from "./vocabulary.ts";
import type { ErrorKind } from "./vocabulary.ts";

/** Nothing that a rule would take for known. */
const UNKNOWN: ErrorKind = { category: "", retryable: false };

/** A failure with what was decided before. */
export interface Asked {
  readonly failure: Failure;
  readonly severity: Severity;
  readonly chain: FailureChain;
  /** Of its cause. */
  readonly history: CauseHistory;
  /** How often was decided on other codes of its tool. */
  readonly others: readonly (readonly [code: string, attempts: number])[];
  /** How often each rule was used on its cause. */
  readonly uses: ReadonlyMap<string, number>;
  /** How often it was repeated, as who asks counts it; 0 where nobody does. */
  readonly counted: number;
}

/** (Q1) @throws TypeError */
export function ask(given: GivenFailure, chained?: FailureChain): Asked {
  const failure = readFailure(given);
  const chain = readChain(chained);
  const history = historyOf(chain, causeOf(failure));
  const { attempts = 0 } = failure;
  const severity = severityOf(failure);
  return {
    failure,
    severity,
    chain,
    history,
    others: othersOf(chain, failure),
    uses: usesOf(history),
    counted: attempts,
  };
}

/** (Q2) @throws TypeError */
export function readFailure(given: GivenFailure): Failure {
  const { tool, error, input = {}, autoFix = true } = (given ?? {}) as Partial<GivenFailure>;
  if (typeof tool !== "string" || typeof error?.code !== "string")
    throw new TypeError('expected a failure such as {tool: "build_image", error: {code: "BUILD_FAILED"}, input: {}}');
  if (isWhole(given)) return given;
  const { category, retryable } = contractKindOf(error.code) ?? UNKNOWN;
  const whole = { ...error, category: error.category ?? category, retryable: error.retryable ?? retryable };
  return { ...given, tool, error: whole, input, autoFix };
}

function isWhole(given: GivenFailure): given is Failure {
  const { error, input, autoFix } = given;
  return error.category !== undefined && error.retryable !== undefined && input !== undefined && autoFix !== undefined;
}
