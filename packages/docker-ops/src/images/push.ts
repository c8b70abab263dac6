/**
 * Pushes an image, and reports it only when the registry shows it.
 *
 * - U1  Exactly the named reference goes out, to exactly that repository.
 * - U2  An error record fails the push, wherever in the stream it stands.
 * - U3  Success is a 200 of the registry to a manifest request by the digest that was pushed; the digest that is
 *       reported is the registry's.
 * - U4  A push that fails takes back the name that it gave the image for the push.
 * - U5  Pushes that give an image the same name, and tags of it, run one after the other: else one would push what the
 *       other has named.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import type { EngineContext } from "../engine/context.ts";
import type { Bounded } from "../engine/operate.ts";
import { clearingUp, DEADLINES } from "../wire/deadline.ts";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { imageIdError, normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import { openRegistry } from "../registry/client.ts";
import { askPushRight } from "../registry/push-right.ts";
import type { PushOptions, PushResult } from "../types.ts";
import { findByShortId, findImage, inspectImage } from "./inspect.ts";
import { trackLayers } from "./layer-progress.ts";
import { waitOf, withPatience } from "./patience.ts";
import { freshnessKey } from "./pull.ts";
import { transferPush } from "./push-transfer.ts";
import { verifyPush } from "./push-verify.ts";
import type { PushEvidence, VerifiedPush } from "./push-verify.ts";
import { removeImage } from "./store.ts";
import { tagImage, tagTurn } from "./tag.ts";

export function pushImage(context: EngineContext, image: string, options: Bounded<PushOptions>): Promise<PushResult> {
  const until = performance.now() + (options.deadlineMs ?? DEADLINES.push);
  return runPush(context, image, { ...options, until });
}

interface PushParts extends Bounded<PushOptions> {
  /** By the clock of `performance.now`. */
  readonly until: number;
}

async function runPush(context: EngineContext, image: string, parts: PushParts): Promise<PushResult> {
  const source = pushable(image);
  const reference = parts.target === undefined ? source : pushable(parts.target);
  const { signal } = parts;
  try {
    if (reference.canonical === source.canonical)
      return { ...(await transferAndVerify(context, reference, parts)), replaced: null };
    return await context.turns.take(tagTurn(reference.canonical), signal, () =>
      pushUnder(context, { source, reference }, parts),
    );
  } catch (error) {
    if (isKitError(error, "IMAGE_NOT_FOUND")) await explainMissing(context.transport, image, source, signal);
    throw error;
  }
}

/** The engine's own sentence about an image that it has not does not say what to do about it. */
async function explainMissing(
  transport: Transport,
  image: string,
  { canonical, familiar }: NormalizedReference,
  signal: AbortSignal,
): Promise<void> {
  // In full, because what an id begins with would be found otherwise.
  if ((await findImage(transport, canonical, signal)) !== null) return;
  if ((await findByShortId(transport, image, signal)) !== null) throw imageIdError(image);
  await inspectImage(transport, familiar, signal);
}

interface GivenNames {
  readonly source: NormalizedReference;
  readonly reference: NormalizedReference;
}

/** U4, U5. */
async function pushUnder(
  context: EngineContext,
  { source, reference }: GivenNames,
  parts: PushParts,
): Promise<PushResult> {
  const { transport } = context;
  const { signal } = parts;
  const { replaced } = await tagImage(transport, source.familiar, reference.familiar, { force: true, signal });
  try {
    return { ...(await transferAndVerify(context, reference, parts)), replaced };
  } catch (error) {
    // That the name could not be taken back must not hide why the push failed.
    await restoreTag(transport, { target: reference.familiar, replaced, until: parts.until }).catch(() => undefined);
    throw error;
  }
}

async function transferAndVerify(
  context: EngineContext,
  reference: NormalizedReference,
  { onProgress, inactivityMs, signal, until }: PushParts,
): Promise<Omit<PushResult, "replaced">> {
  const { registry, repository } = reference;
  const [credential, insecure] = await Promise.all([
    context.resolveCredential(registry, signal),
    context.isInsecure(registry, signal),
  ]);
  const client = openRegistry({ registry, credential, insecure, learnSecret: context.learnSecret });
  const ended = new AbortController();
  // Beside the transfer, so that the read-back need not ask how to be asked.
  const greeted = client.greet(AbortSignal.any([signal, ended.signal]));
  const tracker = trackLayers("pushing");
  const report = (progress: Parameters<NonNullable<PushOptions["onProgress"]>>[0]) => onProgress?.(progress);
  const patience = { registry, signal, until: () => until, report };
  const askWait = () =>
    askPushRight(client, { repository, signal }).then(
      () => null,
      (error: unknown) => waitOf(error),
    );
  const transfer = { reference, credential, client, tracker, inactivityMs, signal, report };
  const pushed = await withPatience(() => transferPush(context, transfer), { ...patience, askWait }).catch(
    (error: unknown) => {
      ended.abort();
      throw error;
    },
  );
  report({ phase: "verifying", message: `asking ${registry} for ${pushed ?? reference.familiar}` });
  await greeted;
  const evidence = { reference, pushed, client, signal };
  const verified = await withPatience(() => readBack(evidence), patience).catch((cause: unknown) => {
    throw unverified(cause, evidence);
  });
  // The registry has just told what the tag points to.
  context.freshness.remember(freshnessKey(reference), verified.tagDigest ?? verified.digest);
  const { problem } = credential;
  return {
    image: reference.familiar,
    ...verified,
    verified: true,
    bytes: tracker.bytes(),
    layers: tracker.layers(),
    warnings: [...verified.warnings, ...(problem === undefined ? [] : [problem])],
    via: context.via,
  };
}

/** Waits between the questions of a read-back that meets a failing registry, in milliseconds. */
const READ_BACK_WAITS = [500, 2000] as const;

async function readBack(evidence: PushEvidence): Promise<VerifiedPush> {
  for (const waitMs of READ_BACK_WAITS) {
    try {
      return await verifyPush(evidence);
    } catch (error) {
      if (evidence.signal.aborted || !isKitError(error, "REGISTRY_UNAVAILABLE")) throw error;
      await sleep(waitMs, undefined, { signal: evidence.signal });
    }
  }
  return verifyPush(evidence);
}

/** The engine has pushed; that we may not look, or cannot, says nothing about its credentials. */
function unverified(cause: unknown, { reference, pushed, signal }: PushEvidence): unknown {
  if (signal.aborted || !isKitError(cause)) return cause;
  if (cause.code === "PUSH_UNVERIFIED" || cause.code === "DIGEST_MISMATCH") return cause;
  const { familiar, registry } = reference;
  return fail(
    "PUSH_UNVERIFIED",
    `the engine says that it pushed ${familiar}, and the registry cannot be asked: ${cause.message}`,
    { cause, stage: "read-back", details: { ...cause.details, reference: familiar, pushed: pushed ?? "", registry } },
  );
}

interface GivenName {
  readonly target: string;
  readonly replaced: string | null;
  /** By the clock of `performance.now`. */
  readonly until: number;
}

/** U4. The push's own signal may be aborted already, so this has one of its own. */
async function restoreTag(transport: Transport, { target, replaced, until }: GivenName): Promise<void> {
  const signal = clearingUp(until);
  if (replaced === null) await removeImage(transport, target, { force: false, signal });
  else await tagImage(transport, replaced, target, { force: true, signal });
}

/** A push names a tag: a digest is what comes out of it. */
function pushable(image: string): NormalizedReference {
  const reference = withDefaultTag(normalizeReference(image));
  if (reference.digest === undefined) return reference;
  throw fail("INVALID_REFERENCE", `${image} has a digest, and a push goes to a tag`, {
    details: { reference: image },
    remedy: "Name the tag without a digest; the result tells the digest that the registry holds.",
  });
}
