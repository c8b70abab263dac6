/**
 * Has the engine fetch an image, until the engine shows it. A pull may be done twice, so it is done again where the
 * engine went away in the middle and came back, or where the registry asked to wait.
 */
import { isKitError } from "@container-kit/errors";
import { registryAuthHeader } from "../credentials/auth-header.ts";
import { authRemedy } from "../credentials/auth-remedy.ts";
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import { INACTIVITY_MS } from "../wire/deadline.ts";
import { engineMessageError } from "../wire/engine-error.ts";
import { errorOf, readProgress } from "../wire/progress-stream.ts";
import { fail } from "../errors.ts";
import { isSameArchitecture } from "../reference/platform.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { ImageDetails } from "../types.ts";
import { findImage } from "./inspect.ts";
import { trackLayers } from "./layer-progress.ts";
import type { LayerTracker } from "./layer-progress.ts";
import { holdsDigest } from "./own-digests.ts";
import { waitOf, withPatience } from "./patience.ts";
import type { PulledImage } from "./pulled-image.ts";
import { askForDigest } from "./registry-digest.ts";
import type { SharedRun } from "./shared-transfers.ts";

export interface PullWish {
  readonly reference: NormalizedReference;
  /** In its one spelling; the engine's choice where there is none. */
  readonly platform: string | undefined;
  readonly inactivityMs: number | undefined;
  readonly credential: Credential;
}

/** How often a pull is done again after the engine went away. */
const RESUMES = 3;

/** @throws ENGINE_PROTOCOL when the stream ends before the pull is done, and whatever the engine and the registry say */
export async function transferImage(context: EngineContext, wish: PullWish, shared: SharedRun): Promise<PulledImage> {
  const { reference, platform, credential } = wish;
  const { signal, report, until } = shared;
  const tracker = trackLayers("pulling");
  const askWait = () =>
    askForDigest(context, reference, { credential, signal }).then(
      () => null,
      (error: unknown) => waitOf(error),
    );
  const pull = async (): Promise<PulledImage> => {
    let digest = await readTransfer(context, { ...wish, tracker }, shared);
    const image = await readBack(context, reference, platform, signal);
    if (digest === "") digest = await registrysDigest(context, wish, image, signal);
    const layers = tracker.layers();
    const existing = image.layers.length;
    // An engine that has them all does not tell of them.
    return { image, digest, bytes: tracker.bytes(), layers: layers.total > 0 ? layers : { total: existing, existing } };
  };
  const patience = { registry: reference.registry, signal, until, report, askWait };
  // One reference has one image in an engine: that of another platform takes its place.
  return context.turns.take(`pull ${reference.canonical}`, signal, () =>
    withPatience(() => untilEngineStays(context, pull, shared), patience),
  );
}

/** What the registry calls the image that came from it; "" where it cannot be asked, or has another by now. */
async function registrysDigest(
  context: EngineContext,
  { reference, credential }: PullWish,
  image: ImageDetails,
  signal: AbortSignal,
): Promise<string> {
  try {
    const digest = await askForDigest(context, reference, { credential, signal });
    return digest !== null && holdsDigest(image, reference, digest) ? digest : "";
  } catch (error) {
    if (isKitError(error) && error.category === "registry") return "";
    throw error;
  }
}

async function untilEngineStays<Result>(
  { waitUntilBack }: EngineContext,
  run: () => Promise<Result>,
  { signal, report }: SharedRun,
): Promise<Result> {
  for (let resumes = 0; ; resumes += 1) {
    try {
      return await run();
    } catch (error) {
      const wentAway = isKitError(error, "ENGINE_RESTARTED") || isKitError(error, "ENGINE_UNAVAILABLE");
      if (!wentAway || resumes === RESUMES || signal.aborted) throw error;
      report({ phase: "waiting", message: "the engine went away; waiting until it is back" });
      await waitUntilBack(signal);
    }
  }
}

interface TransferParts extends PullWish {
  readonly tracker: LayerTracker;
}

/** @returns the digest that the engine told, or "" */
async function readTransfer(
  { transport }: EngineContext,
  { reference, platform, inactivityMs, credential, tracker }: TransferParts,
  { signal, report }: SharedRun,
): Promise<string> {
  const operation = `the pull of ${reference.familiar}`;
  const stream = await transport.stream({
    method: "POST",
    path: "/images/create",
    query: {
      fromImage: `${reference.registry}/${reference.repository}`,
      tag: reference.digest ?? reference.tag,
      platform,
    },
    registryAuth: registryAuthHeader(credential),
    signal,
    silenceMs: inactivityMs ?? INACTIVITY_MS,
    operation,
    registry: true,
  });
  let digest = "";
  let ended = false;
  const limits = inactivityMs === undefined ? {} : { inactivityMs };
  for await (const record of readProgress(stream, { operation, signal, ...limits })) {
    const error = errorOf(record);
    if (error !== null) {
      const { familiar, registry } = reference;
      const details = { reference: familiar, registry, credentialSource: credential.source };
      const remedy = authRemedy(credential);
      throw engineMessageError(error, { operation, registry: true, stage: "transfer", details, authRemedy: remedy });
    }
    const text = record.status ?? record.stream ?? "";
    digest = /^Digest: (\S+)/.exec(text)?.[1] ?? digest;
    ended ||= TERMINAL.test(text);
    const progress = tracker.observe(record);
    if (progress !== null) report(progress);
  }
  if (ended) return digest;
  throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer before the pull was done`, {
    stage: "transfer",
  });
}

/** Terminal records: `Status: …` of moby; Podman ends with the image's id alone. */
const TERMINAL = /^Status: (?:Image is up to date|Downloaded newer image)|^Download complete$|^[a-f0-9]{64}\s*$/;

/**
 * Without a platform the engine's choice stands: an image that is published for one platform alone is pulled on any.
 *
 * @throws ENGINE_PROTOCOL when the engine does not show the image, IMAGE_NOT_FOUND when it is for another platform
 */
async function readBack(
  { transport }: EngineContext,
  { canonical, familiar }: NormalizedReference,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<ImageDetails> {
  const image = await findImage(transport, canonical, signal);
  if (image === null) {
    throw fail("ENGINE_PROTOCOL", `the engine says that it pulled ${familiar} and does not show it`, {
      stage: "read-back",
    });
  }
  if (platform === undefined || isSameArchitecture(image.platform, platform)) return image;
  throw fail("IMAGE_NOT_FOUND", `${familiar} is there for ${image.platform} and not for ${platform}`, {
    stage: "read-back",
    details: { platform, found: image.platform },
    remedy: "Name a platform that the image is published for, or leave it out.",
  });
}
