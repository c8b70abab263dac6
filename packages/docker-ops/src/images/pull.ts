/** Pulls an image, and reports it only when the engine shows it. */
import { isKitError } from "@container-kit/errors";
import { registryAuthHeader } from "../credentials/auth-header.ts";
import type { EngineContext } from "../engine/context.ts";
import { withDeadline } from "../engine/deadline.ts";
import { engineMessageError } from "../engine/engine-error.ts";
import { errorOf, readProgress } from "../engine/progress-stream.ts";
import type { Transport } from "../engine/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { ImageDetails, PullOptions, PullResult, Via } from "../types.ts";
import { inspectImage } from "./inspect.ts";
import { trackLayers } from "./layer-progress.ts";
import type { LayerTracker } from "./layer-progress.ts";

export function pullImage(context: EngineContext, image: string, options: PullOptions): Promise<PullResult> {
  return withDeadline("pull", options, (signal) => runPull(context, image, options, signal));
}

/** What the stream said about the image as a whole. */
interface PullSummary {
  readonly digest: string;
  readonly ended: boolean;
}

async function runPull(
  context: EngineContext,
  image: string,
  options: PullOptions,
  signal: AbortSignal,
): Promise<PullResult> {
  const { transport } = context;
  const { platform, force = false } = options;
  const reference = withDefaultTag(normalizeReference(image));
  const before = await findImage(transport, reference.familiar, signal);
  if (before !== null && !force && isForPlatform(before, platform))
    return presentAlready(reference, before, context.via);
  const { summary, tracker } = await transfer(context, reference, options, signal);
  const after = await readBack(transport, reference, platform, signal);
  return {
    image: reference.familiar,
    imageId: after.imageId,
    digest: digestOf(reference, after, summary),
    size: after.size,
    alreadyPresent: before?.imageId === after.imageId,
    bytes: tracker.bytes(),
    layers: tracker.layers(),
    freshness: "transferred",
    warnings: [],
    via: context.via,
  };
}

/** Has the engine fetch the image. @throws ENGINE_PROTOCOL when its stream ends before the pull is done */
async function transfer(
  { transport, resolveCredential }: EngineContext,
  reference: NormalizedReference,
  { platform, onProgress }: PullOptions,
  signal: AbortSignal,
): Promise<{ summary: PullSummary; tracker: LayerTracker }> {
  const operation = `the pull of ${reference.familiar}`;
  const credential = await resolveCredential(reference.registry, signal);
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
    operation,
    registry: true,
  });
  const tracker = trackLayers("pulling");
  let summary: PullSummary = { digest: "", ended: false };
  for await (const record of readProgress(stream, { operation, signal })) {
    const error = errorOf(record);
    if (error !== null) {
      const details = { reference: reference.familiar, credentialSource: credential.source };
      throw engineMessageError(error, { operation, registry: true, stage: "transfer", details });
    }
    summary = readSummary(record.status ?? record.stream ?? "", summary);
    const progress = tracker.observe(record);
    if (progress !== null) onProgress?.(progress);
  }
  if (!summary.ended) {
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer before the pull was done`, {
      stage: "transfer",
    });
  }
  return { summary, tracker };
}

/** @throws ENGINE_PROTOCOL when the engine does not show the image, IMAGE_NOT_FOUND when it is for another platform */
async function readBack(
  transport: Transport,
  { familiar }: NormalizedReference,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<ImageDetails> {
  const image = await findImage(transport, familiar, signal);
  if (image === null) {
    throw fail("ENGINE_PROTOCOL", `the engine says that it pulled ${familiar} and does not show it`, {
      stage: "read-back",
    });
  }
  if (isForPlatform(image, platform)) return image;
  throw fail("IMAGE_NOT_FOUND", `${familiar} is there for ${image.platform} and not for ${platform ?? ""}`, {
    stage: "read-back",
    details: { platform, found: image.platform },
    remedy: "Name a platform that the image is published for, or leave it out.",
  });
}

function isForPlatform(image: ImageDetails, platform: string | undefined): boolean {
  return platform === undefined || image.platform === platform || image.platform.startsWith(`${platform}/`);
}

function presentAlready(reference: NormalizedReference, image: ImageDetails, via: Via): PullResult {
  const digest = digestOf(reference, image, { digest: "", ended: true });
  const layers = { total: image.layers.length, existing: image.layers.length };
  return {
    image: reference.familiar,
    imageId: image.imageId,
    digest,
    size: image.size,
    alreadyPresent: true,
    bytes: 0,
    layers,
    freshness: "unchecked",
    warnings: [],
    via,
  };
}

/** Terminal records: `Digest: …` and `Status: …` of moby; Podman ends with the image's id alone. */
function readSummary(text: string, summary: PullSummary): PullSummary {
  const digest = /^Digest: (\S+)/.exec(text)?.[1];
  if (digest !== undefined) return { ...summary, digest };
  if (text.startsWith("Status: Image is up to date")) return { ...summary, ended: true };
  if (text.startsWith("Status: Downloaded newer image") || /^Download complete$|^[a-f0-9]{64}\s*$/.test(text))
    return { ...summary, ended: true };
  return summary;
}

function digestOf(
  { registry, repository, digest }: NormalizedReference,
  image: ImageDetails,
  summary: PullSummary,
): string {
  if (summary.digest !== "") return summary.digest;
  if (digest !== undefined) return digest;
  const name = `${registry}/${repository}`;
  const own = image.digests.find((text) => normalizeReference(text).canonical.startsWith(`${name}@`));
  return own?.slice(own.indexOf("@") + 1) ?? "";
}

async function findImage(transport: Transport, image: string, signal: AbortSignal): Promise<ImageDetails | null> {
  try {
    return await inspectImage(transport, image, signal);
  } catch (error) {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  }
}
