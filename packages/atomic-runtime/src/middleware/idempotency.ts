import { createHash } from "node:crypto";
import type { KitError } from "@container-kit/errors";
import type { IdempotencyClaim } from "@container-kit/session";
import { isLeftOut } from "../context/fill.ts";
import { fail } from "../errors.ts";
import type { Execution, KeyHolder, Layer } from "../execution.ts";
import { namesOf } from "../log-names.ts";
import { deferred } from "../internal/deferred.ts";
import { later } from "../internal/later.ts";
import { undoOfTheDead } from "../recovery.ts";
import type { ToolOutcome } from "../types.ts";
import { pause, waitFor } from "./wait.ts";

const WHAT_FOR = "the call that holds its idempotency key";

const FIRST_LOOK_MS = 25;
const LONGEST_LOOK_MS = 500;
const FIRST_AGAIN_MS = 1_000;
const LONGEST_AGAIN_MS = 60_000;

/**
 * One effect per idempotency key.
 *
 * - K1  One execution at a time asks for or holds a key; the others wait for it, in this process and in others, until
 *       they are told to stop.
 * - K2  A settled key answers with the first outcome as its tool made it, its execution id included; what it left in its
 *       session is not told again. Another input is a CONFLICT.
 * - K3  A failure gives the key up, so that the call may be repeated, but not before its tool has really stopped and what
 *       it made is undone. Until then a repetition is a CONFLICT instead of a second effect beside the first.
 * - K4  A dry run has no effect and asks for no key.
 * - K5  A key is settled and the notes for undoing are forgotten in one commit: a death in between would undo what every
 *       repetition would be told of as done.
 * - K6  What a dead process made under the key is undone before the key's next holder begins.
 * - K7  Arguments that are left to the session are no part of what is compared, because the session may know something
 *       newer when the call is repeated. Who names another session then is asking for something else.
 */
export const idempotency: Layer = async (execution, next) => {
  const { idempotencyKey: key = "" } = execution.input;
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
    const held = holder.settling ?? abandoned?.then(() => giveUp(execution, key));
    if (held === undefined) leave();
    else {
      holder.abandoned = true;
      holder.wake();
      void held.then(leave);
    }
  }
};

/** K4. */
export function hasKey({ input }: Execution): boolean {
  return input.idempotencyKey !== undefined && !input.dryRun;
}

/** K1: the turn is looked for and taken in one go, so that two who wake together do not both take it. */
async function takeTurn(execution: Execution, key: string, fingerprint: string): Promise<KeyHolder> {
  const { services, facts } = execution;
  for (;;) {
    const current = services.keyHolders.get(key);
    if (current === undefined) {
      const holder = newHolder(facts.executionId);
      services.keyHolders.set(key, holder);
      return holder;
    }
    if (current.fingerprint !== undefined && current.fingerprint !== fingerprint) throw otherInput();
    if (current.abandoned) throw stillRunning(current.executionId);
    await waitFor(execution, current.changed, WHAT_FOR);
  }
}

interface Claim {
  readonly key: string;
  readonly fingerprint: string;
  readonly holder: KeyHolder;
}

async function claimAndRun(
  execution: Execution,
  claimed: Claim,
  next: () => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  const { key, fingerprint, holder } = claimed;
  const claim = await claimKey(execution, key, fingerprint);
  if (claim.state === "settled") return replay(execution, claim.outcome);
  if (claim.state === "mismatch") throw otherInput();
  holder.fingerprint = fingerprint;
  let outcome: ToolOutcome;
  try {
    // K6. Only a tool that can be undone can have left something.
    if (execution.prepared.definition.undo !== undefined) {
      await waitFor(execution, undoOfTheDead(execution.services), "what a dead process made to be undone");
    }
    outcome = await next();
  } catch (error) {
    await giveUp(execution, key);
    throw error;
  }
  if (outcome.ok) await settle(execution, claimed, outcome);
  else if (execution.abandoned === undefined) await giveUp(execution, key);
  return outcome;
}

type FinalClaim = Exclude<IdempotencyClaim, { readonly state: "pending" }>;

/** K1 across processes: a key that another one holds is looked at again, less and less often. */
async function claimKey(execution: Execution, key: string, fingerprint: string): Promise<FinalClaim> {
  const { services, facts, stop } = execution;
  let lookMs = FIRST_LOOK_MS;
  const ask = async (): Promise<FinalClaim> => {
    for (;;) {
      stop.throwIfStopped();
      const claim = await services.sessions.claimIdempotencyKey(key, fingerprint, facts.executionId);
      if (claim.state !== "pending") return claim;
      if (lookMs === FIRST_LOOK_MS) execution.report({ message: `waiting for execution ${claim.executionId}` });
      await pause(execution, lookMs);
      lookMs = Math.min(LONGEST_LOOK_MS, lookMs * 1.5);
    }
  };
  const asked = ask();
  return waitFor(execution, asked, WHAT_FOR).catch(async (error: unknown) => {
    // The question may be under way: an answer that comes after the wait is over is not to leave a key held.
    const late = await asked.catch(() => undefined);
    if (late?.state === "claimed") await giveUp(execution, key);
    throw error;
  });
}

/** K5. While a key cannot be settled it stays held, which is tried again: a repetition is refused, but has no second effect. */
async function settle(execution: Execution, { key, holder }: Claim, outcome: ToolOutcome): Promise<void> {
  const { sessions } = execution.services;
  const { executionId } = execution.facts;
  const write = async (): Promise<void> => {
    const forgotten = execution.notes.length > 0 ? sessions.clearUndo(executionId) : undefined;
    await Promise.all([sessions.settleIdempotencyKey(key, outcome), forgotten]);
    execution.notes = [];
  };
  try {
    await write();
  } catch (error) {
    logStuck(execution, error);
    holder.settling = settleLater(execution, write);
  }
}

async function settleLater(execution: Execution, write: () => Promise<void>): Promise<void> {
  for (let pauseMs = FIRST_AGAIN_MS; ; pauseMs = Math.min(LONGEST_AGAIN_MS, pauseMs * 2)) {
    await later(pauseMs);
    try {
      return await write();
    } catch (error) {
      logStuck(execution, error);
    }
  }
}

/** K2, K7. The outcome comes from the store as unknown JSON; only a success was ever put there. */
function replay(execution: Execution, stored: unknown): ToolOutcome {
  const { services, input, facts } = execution;
  if (typeof stored !== "object" || stored === null || !("ok" in stored) || !("executionId" in stored)) {
    throw fail("INTERNAL", "the outcome that was kept under this idempotency key cannot be read");
  }
  const outcome = stored as ToolOutcome;
  const isNamed = input.sessionId !== undefined;
  if (isNamed && outcome.sessionId !== facts.sessionId && leftToSession(execution).length > 0) throw otherInput();
  services.inputs.set(outcome, input.own);
  return outcome;
}

/** K3. */
function giveUp(execution: Execution, key: string): Promise<void> {
  return execution.services.sessions.releaseIdempotencyKey(key).catch((error: unknown) => logStuck(execution, error));
}

function logStuck({ services, facts }: Execution, error: unknown): void {
  services.logger.error("an idempotency key stays held", { ...namesOf(facts), error });
}

function newHolder(executionId: string): KeyHolder {
  const { promise: changed, resolve } = deferred<undefined>();
  return {
    fingerprint: undefined,
    abandoned: false,
    settling: undefined,
    executionId,
    changed,
    wake: () => resolve(undefined),
  };
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

/** K7. */
function fingerprintOf(execution: Execution): string {
  const { facts, input } = execution;
  const left = leftToSession(execution);
  const given =
    left.length === 0
      ? input.own
      : Object.fromEntries(Object.entries(input.own).filter(([name]) => !left.includes(name)));
  return createHash("sha256").update(`${facts.tool}\n`).update(canonical(given)).digest("hex");
}

/** The arguments that an entry may fill and that were not given. */
function leftToSession({ prepared, call }: Execution): readonly string[] {
  return [...prepared.declarations.fillable.keys()].filter((argument) => isLeftOut(call.input, argument));
}

/** JSON with sorted keys: the order in which a client writes its arguments means nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
