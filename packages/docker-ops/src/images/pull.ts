/** Pulls an image, and reports it only when the engine shows it. */
import { isKitError } from "@container-kit/errors";
import { registryAuthHeader } from "../credentials/auth-header.ts";
import type { Credential } from "../credentials/types.ts";
import { withDeadline } from "../engine/deadline.ts";
import { engineMessageError } from "../engine/engine-error.ts";
import { errorOf, readProgress } from "../engine/progress-stream.ts";
import type { Transport } from "../engine/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import type { ImageDetails, PullOptions, PullResult } from "../types.ts";
import { inspectImage } from "./inspect.ts";
import { trackLayers } from "./layer-progress.ts";

export interface PullSurroundings {
  readonly transport: Transport;
  readonly resolveCredential: (registry: string, signal: AbortSignal) => Promise<Credential>;
}

export function pullImage(surroundings: PullSurroundings, image: string, options: PullOptions): Promise<PullResult> {
  return withDeadline("pull", options, (signal) => runPull(surroundings, image, options, signal));
}

/** What the stream said about the image as a whole. */
interface PullSummary {
  readonly digest: string;
  readonly ended: boolean;
}

async function runPull(
  { transport, resolveCredential }: PullSurroundings,
  image: string,
  { platform, onProgress }: PullOptions,
  signal: AbortSignal,
): Promise<PullResult> {
  const reference = withDefaultTag(normalizeReference(image));
  const operation = `the pull of ${reference.familiar}`;
  const credential = await resolveCredential(reference.registry, signal);
  const before = await findImage(transport, reference.familiar, signal);
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
    if (error !== null)
      throw engineMessageError(error, {
        operation,
        registry: true,
        stage: "transfer",
        details: { reference: reference.familiar, credentialSource: credential.source },
      });
    summary = readSummary(record.status ?? record.stream ?? "", summary);
    const progress = tracker.observe(record);
    if (progress !== null) onProgress?.(progress);
  }
  const after = await findImage(transport, reference.familiar, signal);
  if (after === null)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer and does not show the image`, {
      stage: "read-back",
    });
  if (!summary.ended)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer before the pull was done`, {
      stage: "transfer",
    });
  return {
    image: reference.familiar,
    imageId: after.imageId,
    digest: digestOf(reference, after, summary),
    size: after.size,
    alreadyPresent: before?.imageId === after.imageId,
    bytes: tracker.bytes(),
    layers: tracker.layers(),
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
