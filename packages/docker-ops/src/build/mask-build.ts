/**
 * Takes the secrets of one build out of all that it says. The builders know nothing of secrets in arguments: BuildKit
 * puts their values into the names of steps, and a step may print what it likes.
 *
 * - M1  What is masked are values that this build was given, and nothing that only looks like one: ids, tags and digests
 *       stay what they are.
 * - M2  What an error carries is masked with it: message, details, log and causes.
 */
import { isKitError } from "@container-kit/errors";
import type { KitError } from "@container-kit/errors";
import type { Redactor } from "@container-kit/observability";
import { fail } from "../errors.ts";
import type { DockerErrorCode } from "../errors.ts";
import type { BuildObserver } from "./build-observer.ts";

/** The observer, with all text that it gives out masked; `onLog` is its maker's to mask. */
export function maskObserver(observer: BuildObserver, redactor: Redactor): BuildObserver {
  return {
    ...observer,
    observe: (record) => redactor.value(observer.observe(record)),
    steps: () => redactor.value(observer.steps()),
    failedStep: () => {
      const step = observer.failedStep();
      return step === null ? null : redactor.text(step);
    },
    logTail: () => redactor.text(observer.logTail()),
  };
}

/** The error itself where there is nothing to mask in it. What is not of Container Kit is whoever's who threw it. */
export function maskError(error: unknown, redactor: Redactor): unknown {
  return isKitError(error) ? maskKitError(error, redactor) : error;
}

function maskKitError(error: KitError, redactor: Redactor): KitError {
  const { code, message, remedy, stage, details, logTail } = error;
  const cause = maskCause(error.cause, redactor);
  const said = { message, remedy, details: details ?? {}, logTail: logTail ?? "" };
  const masked = redactor.value(said);
  if (cause === error.cause && JSON.stringify(masked) === JSON.stringify(said)) return error;
  return fail(code as DockerErrorCode, masked.message, {
    remedy: masked.remedy,
    ...(stage === undefined ? {} : { stage }),
    ...(details === undefined ? {} : { details: masked.details }),
    ...(logTail === undefined ? {} : { logTail: masked.logTail }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A cause is printed with its error. */
function maskCause(cause: unknown, redactor: Redactor): unknown {
  if (isKitError(cause)) return maskKitError(cause, redactor);
  if (!(cause instanceof Error)) return typeof cause === "string" ? redactor.text(cause) : cause;
  const inner = maskCause(cause.cause, redactor);
  const message = redactor.text(cause.message);
  if (message === cause.message && inner === cause.cause) return cause;
  return new Error(message, inner === undefined ? {} : { cause: inner });
}
