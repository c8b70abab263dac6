import { createHash } from "node:crypto";
import type { KitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Execution, KeyHolder, Layer } from "../execution.ts";
import { deferred } from "../internal/deferred.ts";
import type { ToolOutcome } from "../types.ts";

/**
 * One effect per idempotency key.
 *
 * - K1  In this process one execution at a time asks for or holds a key; the others wait for it, until they are told to stop.
 * - K2  A settled key answers with the first outcome as it was, its execution id included. Another input is a CONFLICT.
 * - K3  A failure gives the key up, so that the call may be repeated. While its tool has not really stopped the key stays
 *       held, and a repetition is a CONFLICT instead of a second effect beside the first.
 * - K4  A dry run has no effect and asks for no key.
 */
export const idempotency: Layer = async (execution, next) => {
  const { idempotencyKey: key, dryRun } = execution.input;
  if (key === undefined || dryRun) return next();
  const fingerprint = fingerprintOf(execution);
  const holder = await takeTurn(execution, key, fingerprint);
  const leave = () => {
    execution.services.keyHolders.delete(key);
    holder.wake();
  };
  try {
    return await claimAndRun(execution, { key, fingerprint, holder }, next);
  } finally {
    const { abandoned } = execution;
    if (abandoned === undefined) leave();
    else {
      holder.abandoned = true;
      holder.wake();
      void abandoned.then(() => giveUp(execution, key)).then(leave);
    }
  }
};

/** K1: the turn is looked for and taken in one go, so that two who wake together do not both take it. */
async function takeTurn(execution: Execution, key: string, fingerprint: string): Promise<KeyHolder> {
  const { services, stop, facts } = execution;
  for (;;) {
    const current = services.keyHolders.get(key);
    if (current === undefined) {
      const holder = newHolder(facts.executionId);
      services.keyHolders.set(key, holder);
      return holder;
    }
    if (current.fingerprint !== undefined && current.fingerprint !== fingerprint) throw otherInput();
    if (current.abandoned) throw stillRunning(current.executionId);
    await Promise.race([current.changed, aborted(stop.signal)]);
    stop.signal.throwIfAborted();
  }
}

interface Claim {
  readonly key: string;
  readonly fingerprint: string;
  readonly holder: KeyHolder;
}

async function claimAndRun(
  execution: Execution,
  { key, fingerprint, holder }: Claim,
  next: () => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  const { sessions } = execution.services;
  const claim = await sessions.claimIdempotencyKey(key, fingerprint, execution.facts.executionId);
  if (claim.state === "settled") return replay(execution, claim.outcome);
  if (claim.state === "mismatch") throw otherInput();
  if (claim.state === "pending") throw stillRunning(claim.executionId);
  holder.fingerprint = fingerprint;
  const outcome = await next();
  if (outcome.ok) {
    // A key that cannot be settled stays held: a repetition is refused then, but never a second effect.
    await sessions.settleIdempotencyKey(key, outcome).catch((error: unknown) => logStuck(execution, error));
  } else if (execution.abandoned === undefined) await giveUp(execution, key);
  return outcome;
}

/** K2. The outcome comes from the store as unknown JSON; only a success was ever put there. */
function replay({ services, input }: Execution, stored: unknown): ToolOutcome {
  if (typeof stored !== "object" || stored === null || !("ok" in stored) || !("executionId" in stored)) {
    throw fail("INTERNAL", "the outcome that was kept under this idempotency key cannot be read");
  }
  const outcome = stored as ToolOutcome;
  services.inputs.set(outcome, input.own);
  return outcome;
}

/** K3. */
function giveUp(execution: Execution, key: string): Promise<void> {
  return execution.services.sessions.releaseIdempotencyKey(key).catch((error: unknown) => logStuck(execution, error));
}

function logStuck({ services, facts }: Execution, error: unknown): void {
  services.logger.error("an idempotency key stays held", { executionId: facts.executionId, error });
}

function newHolder(executionId: string): KeyHolder {
  const { promise: changed, resolve } = deferred<undefined>();
  return { fingerprint: undefined, abandoned: false, executionId, changed, wake: () => resolve(undefined) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function otherInput(): KitError {
  return fail("CONFLICT", "this idempotency key was used before with another tool or other input", {
    remedy: "Use a new idempotencyKey for new input, or repeat exactly the call that the key belongs to.",
  });
}

function stillRunning(executionId: string): KitError {
  return fail("CONFLICT", `execution ${executionId} holds this idempotency key and has not ended`, {
    remedy: "Wait until that execution has ended, then repeat this call with the same key to read its outcome.",
    details: { executionId },
  });
}

function fingerprintOf({ facts, input }: Execution): string {
  return createHash("sha256").update(`${facts.tool}\n`).update(canonical(input.own)).digest("hex");
}

/** JSON with sorted keys: the order in which a client writes its arguments means nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
