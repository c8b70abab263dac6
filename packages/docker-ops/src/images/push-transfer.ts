/**
 * Has the engine push an image, and looks over its shoulder while it does: the engine tries again for most of a minute
 * where the registry will never take the push, and keeps to itself why.
 *
 * - W1  The engine's own retries go out as progress, in words.
 * - W2  At the first of each round the registry is asked whether we may push; a no ends the push at once. A registry
 *       that cannot be asked says nothing, and the engine goes on.
 * - W3  A push whose time is up while the engine tries again has waited for the registry, and says so.
 * - W4  A token may end in the middle, and moby does not ask for another: a push that had begun to move bytes when it
 *       was refused is done once more, with a new token, and sends what is missing.
 */
import { isKitError } from "@container-kit/errors";
import { registryAuthHeader } from "../credentials/auth-header.ts";
import { authRemedy } from "../credentials/auth-remedy.ts";
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import { INACTIVITY_MS } from "../wire/deadline.ts";
import { engineMessageError } from "../wire/engine-error.ts";
import { errorOf, readProgress } from "../wire/progress-stream.ts";
import type { ProgressRecord } from "../wire/progress-stream.ts";
import { fail } from "../errors.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { RegistryClient } from "../registry/client.ts";
import { askPushRight } from "../registry/push-right.ts";
import type { Progress } from "../types.ts";
import type { LayerTracker } from "./layer-progress.ts";

export interface PushTransfer {
  readonly reference: NormalizedReference;
  readonly credential: Credential;
  readonly client: RegistryClient;
  readonly tracker: LayerTracker;
  readonly inactivityMs: number | undefined;
  readonly signal: AbortSignal;
  readonly report: (progress: Progress) => void;
}

/**
 * @returns the digest that the engine says it pushed; null from an engine that does not tell (Podman)
 * @throws ENGINE_PROTOCOL when an engine that tells ends without having told
 */
export async function transferPush(context: EngineContext, push: PushTransfer): Promise<string | null> {
  const { reference, tracker, signal, report } = push;
  const before = tracker.bytes();
  try {
    return await transferOnce(context, push);
  } catch (error) {
    if (!isKitError(error, "AUTH_FAILED") || tracker.bytes() === before || signal.aborted) throw error;
    const message = `${reference.registry} took a part and refuses now; pushing what is missing with another token`;
    report({ phase: "pushing", message });
    return transferOnce(context, push);
  }
}

async function transferOnce({ transport, profile }: EngineContext, push: PushTransfer): Promise<string | null> {
  const { reference, credential, tracker, inactivityMs, report } = push;
  const operation = `the push of ${reference.familiar}`;
  const watch = watchRetries(push);
  const signal = AbortSignal.any([push.signal, watch.signal]);
  let digest: string | null = null;
  try {
    const stream = await transport.stream({
      method: "POST",
      path: `/images/${reference.registry}/${reference.repository}/push`,
      query: { tag: reference.tag },
      registryAuth: registryAuthHeader(credential),
      signal,
      silenceMs: inactivityMs ?? INACTIVITY_MS,
      operation,
      registry: true,
    });
    const limits = inactivityMs === undefined ? {} : { inactivityMs };
    for await (const record of readProgress(stream, { operation, signal, ...limits })) {
      const error = errorOf(record);
      if (error !== null) throw engineMessageError(error, { operation, registry: true, ...contextOf(push) });
      watch.observe(record);
      digest = pushedDigest(record) ?? digest;
      const progress = tracker.observe(record);
      if (progress !== null) report(progress);
    }
  } catch (cause) {
    if (push.signal.aborted && watch.isRetrying()) throw stillRefused(push, cause);
    throw cause;
  } finally {
    await watch.end();
  }
  if (digest !== null || !profile().pushAux) return digest;
  throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer before the push was done`, {
    stage: "transfer",
  });
}

function stillRefused(push: PushTransfer, cause: unknown): Error {
  const { registry, familiar } = push.reference;
  const message = `the registry ${registry} did not take ${familiar} in time: the engine was still trying again`;
  return fail("REGISTRY_UNAVAILABLE", message, { cause, ...contextOf(push) });
}

function contextOf({ reference, credential }: PushTransfer) {
  const { familiar, registry } = reference;
  return {
    stage: "transfer",
    details: { reference: familiar, registry, credentialSource: credential.source },
    authRemedy: authRemedy(credential),
  };
}

/** moby ends a push with `aux {Tag, Digest, Size}`, and with a status line that says the same. */
function pushedDigest({ aux, status }: ProgressRecord): string | null {
  if (typeof aux === "object" && aux !== null && "Digest" in aux && typeof aux.Digest === "string") return aux.Digest;
  return /\bdigest: (sha256:[a-f0-9]{64})\b/.exec(status ?? "")?.[1] ?? null;
}

interface RetryWatch {
  /** Aborted with the registry's no. */
  readonly signal: AbortSignal;
  observe(record: ProgressRecord): void;
  /** Whether a layer waits for its next try. */
  isRetrying(): boolean;
  /** Ends the question that may be under way. */
  end(): Promise<void>;
}

/** W2. moby counts each wait down, one record a second and layer: `Retrying in 5 seconds`. */
function watchRetries({ reference, client, signal, credential }: PushTransfer): RetryWatch {
  const refused = new AbortController();
  const ended = new AbortController();
  const { repository } = reference;
  const waiting = new Set<string>();
  let question: Promise<void> = Promise.resolve();
  let askAgainAt = 0;
  const ask = async () => {
    try {
      await askPushRight(client, { repository, signal: AbortSignal.any([signal, ended.signal]) });
    } catch (error) {
      const isNo = ["AUTH_FAILED", "REGISTRY_DENIED", "REGISTRY_RATE_LIMITED"].some((code) => isKitError(error, code));
      if (isNo && !ended.signal.aborted) refused.abort(withSource(error, credential));
    }
  };
  return {
    signal: refused.signal,
    isRetrying: () => waiting.size > 0,
    observe: ({ status, id = "" }) => {
      const seconds = /^Retrying in (\d{1,6}) second/.exec(status ?? "")?.[1];
      if (seconds === undefined) waiting.delete(id);
      else waiting.add(id);
      if (seconds === undefined || performance.now() < askAgainAt) return;
      askAgainAt = performance.now() + Number(seconds) * 1000;
      question = question.then(ask);
    },
    end: () => {
      ended.abort();
      return question;
    },
  };
}

/** The registry's own no, with what the push adds to every failure of its transfer. */
function withSource(error: unknown, credential: Credential): unknown {
  if (!isKitError(error)) return error;
  const { code, message, details, cause } = error;
  if (code !== "AUTH_FAILED" && code !== "REGISTRY_DENIED" && code !== "REGISTRY_RATE_LIMITED") return error;
  const remedy = code === "AUTH_FAILED" ? authRemedy(credential) : undefined;
  const source = { ...details, credentialSource: credential.source };
  return fail(code, message, {
    cause,
    stage: "transfer",
    details: source,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
