/**
 * Labels of the OCI image specification (image-spec annotations.md, "Pre-Defined Annotation Keys") that tell where an
 * image comes from.
 *
 * - L1  A label that the caller or the Dockerfile gives is never overridden.
 * - L2  Nothing is invented: what is not known has no label.
 * - L3  They come last, after every step that can be cached.
 */
import type { Dockerfile } from "dockerfile-ast";
import { isKitError } from "@container-kit/errors";
import { inspectImage } from "../images/inspect.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { isSamePlatform } from "../reference/platform.ts";
import type { Transport } from "../wire/transport.ts";
import { settingsOf } from "./dockerfile-images.ts";
import { readGitMetadata } from "./git-metadata.ts";

const PREFIX = "org.opencontainers.image.";

export interface LabelSources {
  readonly transport: Transport;
  /** The context; absolute, with every symbolic link resolved. */
  readonly root: string;
  readonly roots?: readonly string[];
  /** As on disk; null where it was not analysed. */
  readonly dockerfile: Dockerfile | null;
  readonly base: BaseImage | null;
  /** Labels that the caller gives. */
  readonly given: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** The image that the result stands on. */
export interface BaseImage {
  /** As the Dockerfile names it. */
  readonly named: string;
  /** What is really used. */
  readonly used: string;
  /** The engine uses its own copy where it has one, and its word on that copy's digest is a registry's. */
  readonly isLocalCopyUsed: boolean;
  readonly platform?: string;
}

export async function ociLabels(sources: LabelSources): Promise<Readonly<Record<string, string>>> {
  const [git, digest] = await Promise.all([readGitMetadata(sources.root, sources.roots), baseDigest(sources)]);
  const labels: Readonly<Record<string, string | null>> = {
    source: git.source ?? null,
    revision: git.revision ?? null,
    created: createdAt(sources),
    "base.name": sources.base === null ? null : canonicalOrNull(sources.base.named),
    "base.digest": digest,
  };
  const taken = new Set([...Object.keys(sources.given), ...labelsOf(sources.dockerfile)]);
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) =>
      value === null || taken.has(PREFIX + name) ? [] : [[PREFIX + name, value]],
    ),
  );
}

/** RFC 3339. A build that is to be reproducible says its time (reproducible-builds.org, SOURCE_DATE_EPOCH). */
function createdAt({ env, now }: LabelSources): string {
  const epoch = env["SOURCE_DATE_EPOCH"] ?? "";
  const time = /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1000) : now();
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
}

async function baseDigest({ transport, base, signal }: LabelSources): Promise<string | null> {
  if (base === null) return null;
  const used = parseOrNull(base.used);
  if (used === null) return null;
  if (used.digest !== undefined) return used.digest;
  if (!base.isLocalCopyUsed) return null;
  const image = await inspectImage(transport, used.familiar, signal).catch((error: unknown) => {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  });
  if (image === null || (base.platform !== undefined && !isSamePlatform(image.platform, base.platform))) return null;
  // The digest under which another repository has it may be that of another manifest.
  const own = image.digests
    .map(parseOrNull)
    .find((known) => known?.canonical.startsWith(`${used.registry}/${used.repository}@`));
  return own?.digest ?? null;
}

function canonicalOrNull(image: string): string | null {
  return parseOrNull(image)?.canonical ?? null;
}

function parseOrNull(image: string): ReturnType<typeof withDefaultTag> | null {
  try {
    return withDefaultTag(normalizeReference(image));
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return null;
    throw error;
  }
}

function labelsOf(dockerfile: Dockerfile | null): readonly string[] {
  return dockerfile === null ? [] : settingsOf(dockerfile, "LABEL").map(({ name }) => name);
}
