/**
 * Pulls an image, and reports it only when the engine shows it.
 *
 * - L1  What is present for the wanted platform, and named by a digest or found current within the cache's lifetime,
 *       costs one question to the engine and none to the registry.
 * - L2  A present image of that platform is never lost to a registry that cannot be asked: it is given with a warning.
 * - L3  Callers that want the same at the same time share one transfer.
 * - L4  Without a platform the engine's own is wanted. A present image of another one is not given for it: the engine is
 *       asked to pull, and what it then shows is what the registry has for it.
 */
import { isKitError } from "@container-kit/errors";
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import type { Bounded } from "../engine/operate.ts";
import { DEADLINES } from "../wire/deadline.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { OwnPlatform } from "../reference/platform.ts";
import { isSameArchitecture, isSamePlatform, parsePlatform } from "../reference/platform.ts";
import type { Freshness, ImageDetails, PullOptions, PullResult } from "../types.ts";
import { findImage } from "./inspect.ts";
import { orAborted } from "./or-aborted.ts";
import { digestOf, holdsDigest } from "./own-digests.ts";
import { pullError } from "./pull-error.ts";
import { transferImage } from "./pull-transfer.ts";
import { askForDigest } from "./registry-digest.ts";

export function pullImage(context: EngineContext, image: string, options: Bounded<PullOptions>): Promise<PullResult> {
  const until = performance.now() + (options.deadlineMs ?? DEADLINES.pull);
  return runPull(context, image, { ...options, until });
}

interface PullParts extends Bounded<PullOptions> {
  /** By the clock of `performance.now`. */
  readonly until: number;
}

async function runPull(context: EngineContext, image: string, parts: PullParts): Promise<PullResult> {
  const { force = false, signal } = parts;
  const reference = withDefaultTag(normalizeReference(image));
  const platform = parts.platform === undefined ? undefined : parsePlatform(parts.platform, context.profile());
  const key = freshnessKey(reference, platform);
  const known = force || reference.digest !== undefined ? null : context.freshness.find(key);
  const wantsRegistry = !force && reference.digest === undefined && known === null;
  // Beside the inspection, because a credential helper is slow.
  const credential = wantsRegistry ? context.resolveCredential(reference.registry, signal) : null;
  credential?.catch(() => undefined);
  // In full, because an engine would take `sha256:0123` for the beginning of an id.
  const before = await findImage(context.transport, reference.canonical, signal);
  if (before !== null && !force && isWanted(before, platform, context.profile())) {
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
  try {
    return await transferred(context, { reference, platform, before, credential, parts });
  } catch (error) {
    throw await pullError({ error, context, image, reference, before, signal });
  }
}

/** L4. */
function isWanted(image: ImageDetails, platform: string | undefined, { os, arch }: OwnPlatform): boolean {
  return platform === undefined
    ? isSameArchitecture(image.platform, `${os}/${arch}`)
    : isSamePlatform(image.platform, platform);
}

interface TransferWish {
  readonly reference: NormalizedReference;
  readonly platform: string | undefined;
  readonly before: ImageDetails | null;
  /** Where it has been asked for already. */
  readonly credential: Promise<Credential> | null;
  readonly parts: PullParts;
}

async function transferred(context: EngineContext, wish: TransferWish): Promise<PullResult> {
  const { reference, platform, before, parts } = wish;
  const { force = false, inactivityMs, signal, until, onProgress } = parts;
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
