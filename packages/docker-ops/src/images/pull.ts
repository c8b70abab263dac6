/**
 * Pulls an image, and reports it only when the engine shows it.
 *
 * - L1  What is present and named by a digest, or was found current within the cache's lifetime, costs one question to
 *       the engine and none to the registry.
 * - L2  A present image is never lost to a registry that cannot be asked: it is given with a warning.
 * - L3  Callers that want the same at the same time share one transfer.
 */
import { isKitError } from "@container-kit/errors";
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import { DEADLINES, withDeadline } from "../wire/deadline.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { Freshness, ImageDetails, PullOptions, PullResult } from "../types.ts";
import { findImage, isForPlatform } from "./inspect.ts";
import { digestOf, holdsDigest } from "./own-digests.ts";
import { transferImage } from "./pull-transfer.ts";
import { askForDigest } from "./registry-digest.ts";

export function pullImage(context: EngineContext, image: string, options: PullOptions): Promise<PullResult> {
  const until = performance.now() + (options.deadlineMs ?? DEADLINES.pull);
  return withDeadline("pull", options, (signal) => runPull(context, image, { ...options, signal, until }));
}

interface PullParts extends PullOptions {
  readonly signal: AbortSignal;
  /** By the clock of `performance.now`. */
  readonly until: number;
}

async function runPull(context: EngineContext, image: string, parts: PullParts): Promise<PullResult> {
  const { platform, force = false, signal } = parts;
  const reference = withDefaultTag(normalizeReference(image));
  const key = freshnessKey(reference, platform);
  const known = force || reference.digest !== undefined ? null : context.freshness.find(key);
  const wantsRegistry = !force && reference.digest === undefined && known === null;
  // Beside the inspection, because a credential helper is slow.
  const credential = wantsRegistry ? context.resolveCredential(reference.registry, signal) : null;
  credential?.catch(() => undefined);
  const before = await findImage(context.transport, reference.familiar, signal);
  if (before !== null && !force && isForPlatform(before, platform)) {
    if (reference.digest !== undefined) return present({ context, reference, freshness: "pinned" }, before);
    if (known !== null && holdsDigest(before, reference, known))
      return present({ context, reference, freshness: "cache", digest: known }, before);
    const asked = await askWhilePresent(context, reference, credential, signal);
    if ("warning" in asked) {
      return present({ context, reference, freshness: "unchecked", warnings: [asked.warning] }, before);
    }
    if (holdsDigest(before, reference, asked.digest)) {
      context.freshness.remember(key, asked.digest);
      return present({ context, reference, freshness: "registry", ...asked }, before);
    }
  }
  return transferred(context, { reference, before, credential, parts });
}

interface TransferWish {
  readonly reference: NormalizedReference;
  readonly before: ImageDetails | null;
  /** Where it has been asked for already. */
  readonly credential: Promise<Credential> | null;
  readonly parts: PullParts;
}

async function transferred(context: EngineContext, wish: TransferWish): Promise<PullResult> {
  const { reference, before, parts } = wish;
  const { platform, force = false, inactivityMs, signal, until, onProgress } = parts;
  const key = freshnessKey(reference, platform);
  const credential = await (wish.credential ?? context.resolveCredential(reference.registry, signal));
  const caller = { signal, until, onProgress };
  const pulled = await context.pulls.join(`${key} ${force}`, caller, (shared) =>
    transferImage(context, { reference, platform, inactivityMs, credential }, shared),
  );
  const digest = pulled.digest === "" ? digestOf(reference, pulled.image) : pulled.digest;
  if (reference.digest === undefined && digest !== "") context.freshness.remember(key, digest);
  return {
    image: reference.familiar,
    imageId: pulled.image.imageId,
    digest,
    size: pulled.image.size,
    alreadyPresent: before?.imageId === pulled.image.imageId,
    bytes: pulled.bytes,
    layers: pulled.layers,
    freshness: "transferred",
    warnings: credential.problem === undefined ? [] : [credential.problem],
    via: context.via,
  };
}

/** The longest that a present image waits for what the registry says, in milliseconds. */
const QUESTION_MS = 5000;

/** L2. */
async function askWhilePresent(
  context: EngineContext,
  reference: NormalizedReference,
  credential: Promise<Credential> | null,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly warnings: readonly string[] } | { readonly warning: string }> {
  const { registry, familiar } = reference;
  const limit = AbortSignal.timeout(QUESTION_MS);
  const bounded = AbortSignal.any([signal, limit]);
  const unchecked = (why: string) => ({ warning: `whether ${familiar} is current was not checked: ${why}` });
  try {
    const known = await orAborted(credential ?? context.resolveCredential(registry, bounded), bounded);
    const digest = await askForDigest(context, reference, { credential: known, signal: bounded });
    if (digest === null) return unchecked(`${registry} has no such image`);
    return { digest, warnings: known.problem === undefined ? [] : [known.problem] };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) return unchecked(`${registry} did not answer within ${QUESTION_MS} ms`);
    if (isKitError(error) && error.category === "registry") return unchecked(error.message);
    throw error;
  }
}

/** A promise that does not know the signal, under it. */
function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.finally(() => signal.removeEventListener("abort", onAbort)).then(resolve, reject);
  });
}

interface Presence {
  readonly context: EngineContext;
  readonly reference: NormalizedReference;
  readonly freshness: Freshness;
  readonly digest?: string;
  readonly warnings?: readonly string[];
}

function present({ context, reference, freshness, digest, warnings = [] }: Presence, image: ImageDetails): PullResult {
  return {
    image: reference.familiar,
    imageId: image.imageId,
    // What an engine calls an image that it never pulled, no registry knows.
    digest: digest ?? (context.profile().registryDigests ? digestOf(reference, image) : (reference.digest ?? "")),
    size: image.size,
    alreadyPresent: true,
    bytes: 0,
    layers: { total: image.layers.length, existing: image.layers.length },
    freshness,
    warnings,
    via: context.via,
  };
}

/** Under which the freshness cache knows a tag. */
export function freshnessKey({ canonical }: NormalizedReference, platform?: string): string {
  return `${canonical} ${platform ?? ""}`;
}
