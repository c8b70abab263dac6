/**
 * What holds after every fault, whatever it was: the oracle of the fault matrix.
 *
 * - O1  The call ended by its deadline and one second.
 * - O2  A failure is an error of ours with a code of the contract, its category, whether a retry helps as the contract
 *       has it, a message of one line and a remedy of one sentence.
 * - O3  No secret stands anywhere in an error or a result: not in its causes, its stack, its JSON, what an inspection
 *       shows, and not in another encoding.
 * - O4  A success counts only with its effect read back past the code under test.
 * - O5  Nothing that the call began goes on: no request, no connection in use, no program, no timer. Who began what is
 *       told by the asynchronous context, so that calls may run beside each other.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { isKitError, toErrorResult } from "@container-kit/errors";
import type { KitError } from "@container-kit/errors";
import { expect } from "vitest";

/** What every case is measured against. */
interface CaseOptions {
  /** The deadline that the call was given, in milliseconds; it counts from the beginning of the call. */
  readonly deadlineMs: number;
  /** Texts that may show up nowhere. */
  readonly secrets?: readonly string[];
}

export interface FailureOptions extends CaseOptions {
  /** The codes that may come out; usually one. */
  readonly codes: readonly string[];
}

export interface TruthOptions<Result> extends CaseOptions {
  /** Reads the effect back past the code under test, and asserts that it is there. */
  readonly readBack: (result: Result) => Promise<void> | void;
}

/** The codes of the contract that an operation on an engine or a registry may end with: category, and whether a retry helps. */
const CONTRACT: Readonly<Record<string, readonly [category: string, retryable: boolean]>> = {
  INVALID_INPUT: ["input", false],
  INVALID_REFERENCE: ["input", false],
  NOT_FOUND: ["input", false],
  CONFLICT: ["input", false],
  UNSUPPORTED: ["input", false],
  ENGINE_UNAVAILABLE: ["engine", true],
  ENGINE_FORBIDDEN: ["engine", false],
  ENGINE_BAD_ENDPOINT: ["engine", false],
  ENGINE_TIMEOUT: ["engine", true],
  ENGINE_PROTOCOL: ["engine", false],
  ENGINE_ERROR: ["engine", false],
  ENGINE_RESTARTED: ["engine", true],
  ENGINE_DISK_FULL: ["engine", false],
  AUTH_FAILED: ["registry", false],
  REGISTRY_DENIED: ["registry", false],
  REGISTRY_UNAVAILABLE: ["registry", true],
  REGISTRY_RATE_LIMITED: ["registry", true],
  REGISTRY_TLS: ["registry", false],
  IMAGE_NOT_FOUND: ["registry", false],
  DIGEST_MISMATCH: ["registry", false],
  PUSH_UNVERIFIED: ["registry", false],
  CREDENTIAL_HELPER_FAILED: ["registry", false],
  DOCKERFILE_INVALID: ["build", false],
  BUILD_FAILED: ["build", false],
  CONTEXT_INVALID: ["build", false],
  BASE_IMAGE_UNAVAILABLE: ["build", false],
  CANCELLED: ["runtime", false],
};

/**
 * Asserts that the call fails as it has to: O1, O2, O3, O5.
 *
 * @returns the error, for what the case itself expects of it
 */
export async function expectFailure(call: () => Promise<unknown>, options: FailureOptions): Promise<KitError> {
  const outcome = await observe(call, options);
  if (outcome.ok) throw new Error(`expected ${options.codes.join(" or ")}, got ${inspect(outcome.value)}`);
  const { error } = outcome;
  if (!isKitError(error)) throw new Error(`expected an error of ours, got ${inspect(error)}`, { cause: error });
  expect(options.codes, inspect(error)).toContain(error.code);
  expect([error.category, error.retryable]).toEqual(CONTRACT[error.code]);
  // One line of text: no line ends, no control characters.
  expect(error.message).toMatch(/^\P{Cc}+$/u);
  expect(error.remedy).toMatch(/^\P{Cc}+\.$/u);
  expect(error.remedy).not.toMatch(/[.!?]\s+\p{Lu}/u);
  expectNoSecret([error, toErrorResult(error)], options.secrets ?? []);
  return error;
}

/** Asserts that the call succeeds, and that what it says is so: O1, O3, O4, O5. */
export async function expectTruth<Result>(call: () => Promise<Result>, options: TruthOptions<Result>): Promise<Result> {
  const outcome = await observe(call, options);
  if (!outcome.ok) throw outcome.error;
  expectNoSecret(outcome.value, options.secrets ?? []);
  await options.readBack(outcome.value);
  return outcome.value;
}

/** O3 for anything: a result, an error, the progress of a call. */
export function expectNoSecret(value: unknown, secrets: readonly string[]): void {
  const text = textOf(value);
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) expect(text.includes(spelling), `a secret, as ${spelling}`).toBe(false);
  }
}

/** Everything that a log, a result or a person with a debugger could see of a value. */
function textOf(value: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  const visit = (each: unknown): void => {
    if (seen.has(each)) return;
    seen.add(each);
    parts.push(
      inspect(each, {
        depth: 12,
        showHidden: true,
        maxArrayLength: null,
        maxStringLength: null,
        breakLength: Infinity,
      }),
    );
    parts.push(typeof each === "string" ? each : json(each));
    if (!(each instanceof Error)) return;
    parts.push(each.message, each.stack ?? "", String(each));
    visit(each.cause);
    if (each instanceof AggregateError) for (const inner of each.errors) visit(inner);
    if (isKitError(each)) parts.push(each.logTail ?? "", json(each.details));
  };
  for (const each of Array.isArray(value) ? value : [value]) visit(each);
  return parts.join("\n");
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    // A cycle or a BigInt: the inspection shows it.
    return "";
  }
}

function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // What base64 makes of a text inside a longer one depends on where it begins: the middle is common to all of them.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString("hex"),
    ...shifted,
    ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ].filter((text) => text.length >= 4);
}

type Outcome<Result> = { readonly ok: true; readonly value: Result } | { readonly ok: false; readonly error: unknown };

async function observe<Result>(call: () => Promise<Result>, { deadlineMs }: CaseOptions): Promise<Outcome<Result>> {
  const begun: Begun = { requests: new Set(), sockets: new Set(), programs: new Set(), timers: new Set() };
  const startedAt = performance.now();
  const outcome = await context.run(begun, () =>
    call().then(
      (value) => ({ ok: true as const, value }),
      (error: unknown) => ({ ok: false as const, error }),
    ),
  );
  const tookMs = performance.now() - startedAt;
  expect(tookMs, "milliseconds until the call ended").toBeLessThan(deadlineMs + 1000);
  await expectNothingLeft(begun);
  return outcome;
}

/** What a call began, by the asynchronous context that it ran in. */
interface Begun {
  readonly requests: Set<ClientRequest>;
  readonly sockets: Set<Socket>;
  readonly programs: Set<{ readonly pid?: number }>;
  readonly timers: Set<NodeJS.Timeout>;
}

const context = new AsyncLocalStorage<Begun>();

createHook({
  init: (_id, type, _trigger, resource) => {
    if (type === "PROCESSWRAP") context.getStore()?.programs.add(resource);
    if (type === "Timeout") context.getStore()?.timers.add(resource as NodeJS.Timeout);
  },
}).enable();
subscribe("http.client.request.start", (message) => {
  context.getStore()?.requests.add((message as { request: ClientRequest }).request);
});
subscribe("net.client.socket", (message) => {
  context.getStore()?.sockets.add((message as { socket: Socket }).socket);
});

/** What ends with the call may take a moment to be gone, on a machine that has other work. */
const SETTLE_MS = 1000;

/** O5. */
async function expectNothingLeft(begun: Begun): Promise<void> {
  for (const until = performance.now() + SETTLE_MS; performance.now() < until;) {
    // First of all: what begins only in the next turn of the loop counts too.
    await sleep(10);
    if (left(begun).length === 0) return;
  }
  const still = left(begun);
  if (still.length > 0) throw new Error(`the call left behind: ${still.join(", ")}`);
}

function left({ requests, sockets, programs, timers }: Begun): readonly string[] {
  return [
    ...[...requests].filter((request) => !isOver(request)).map(({ method, path }) => `request ${method} ${path}`),
    ...[...sockets].filter(isInUse).map(({ remoteAddress }) => `connection to ${remoteAddress ?? "a socket"}`),
    ...[...programs].filter(({ pid }) => isAlive(pid)).map(({ pid }) => `program ${pid}`),
    ...[...timers].filter((timer) => isPending(timer)).map((timer) => `timer ${inspect(timer, { depth: 0 })}`),
  ];
}

function isOver(request: ClientRequest): boolean {
  return request.closed || request.destroyed;
}

/** A connection that is kept for the next question is idle, and node's agent has its listeners on it. */
function isInUse(socket: Socket): boolean {
  if (socket.destroyed) return false;
  const { _httpMessage: message } = socket as { _httpMessage?: ClientRequest | null };
  const isKept = socket.listenerCount("agentRemove") > 0 && (message === null || message === undefined);
  return !isKept;
}

/** Timers that do not hold the process are no work that goes on. */
function isPending(timer: NodeJS.Timeout): boolean {
  const { _destroyed: over } = timer as { _destroyed?: boolean };
  return over === false && timer.hasRef();
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
