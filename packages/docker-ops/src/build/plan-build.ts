/** Decides what the engine is asked for, from the Dockerfile's text and the caller's options. */
import type { Dockerfile } from "dockerfile-ast";
import type { EngineContext } from "../engine/context.ts";
import type { EngineProfile } from "../engine/profile.ts";
import type { Query } from "../wire/transport.ts";
import { canonicalName, replaceBaseImages } from "./base-images.ts";
import { finalBase, globalArguments, imagesOf, parseDockerfile } from "./dockerfile-images.ts";
import { ociLabels } from "./oci-labels.ts";
import type { BaseImage } from "./oci-labels.ts";
import type { BaseImageReplacement, BuildOptions } from "./types.ts";

/** Label that tells a reader of the image which base images were replaced. */
const REPLACED_LABEL = "io.container-kit.base-images.replaced";

/** A larger Dockerfile is built and not analysed: nobody writes one by hand. */
const LARGEST_ANALYSED = 512 * 1024;

export interface PlanParts {
  readonly engine: EngineContext;
  readonly profile: EngineProfile;
  /** The context; absolute, with every symbolic link resolved. */
  readonly root: string;
  /** The Dockerfile's path relative to the root. */
  readonly dockerfile: string;
  /** The Dockerfile's text as on disk. */
  readonly text: string;
  readonly tags: readonly string[];
  readonly options: BuildOptions;
  readonly signal: AbortSignal;
}

export interface BuildPlan {
  /** The Dockerfile as it is sent. */
  readonly content: string;
  readonly replacements: readonly BaseImageReplacement[];
  /** The Dockerfile as on disk; null where it is too large to be analysed. */
  readonly parsed: Dockerfile | null;
  /** The images that the build may take from a registry. */
  readonly images: readonly string[];
  readonly query: Query;
  /** Labels that the image is to have besides the Dockerfile's own; being put together while the session opens. */
  readonly labels: Promise<Readonly<Record<string, string>>>;
}

export function planBuild(parts: PlanParts): BuildPlan {
  const { engine, text, options } = parts;
  const { buildArgs = {}, cacheFrom = [] } = options;
  const { content, replacements } = replaceBaseImages(text, engine.baseImages, buildArgs);
  const parsed = text.length > LARGEST_ANALYSED ? null : parseDockerfile(text);
  const sent = content === text || parsed === null ? parsed : parseDockerfile(content);
  const images = sent === null ? [] : imagesOf(sent, globalArguments(sent, buildArgs)).map(({ named }) => named);
  const labels = allLabels(parts, replacements, parsed);
  // The failure is told by whoever waits for the labels; that may come after another one has ended the build.
  labels.catch(() => {});
  return { content, replacements, parsed, images: [...images, ...cacheFrom], query: buildQuery(parts), labels };
}

async function allLabels(
  parts: PlanParts,
  replacements: readonly BaseImageReplacement[],
  parsed: Dockerfile | null,
): Promise<Readonly<Record<string, string>>> {
  const { engine, root, options, signal } = parts;
  const note = replacements.map(({ named, used }) => `${named}=${used}`).join(", ");
  const given = { ...options.labels, ...(note === "" ? {} : { [REPLACED_LABEL]: note }) };
  const added =
    options.ociLabels === false
      ? {}
      : await ociLabels({
          transport: engine.transport,
          root,
          ...(options.roots === undefined ? {} : { roots: options.roots }),
          dockerfile: parsed,
          base: parsed === null ? null : baseOf(parts, parsed, replacements),
          given,
          env: engine.env,
          now: () => new Date(),
          signal,
        });
  return { ...added, ...given };
}

function buildQuery({ dockerfile, tags, options }: PlanParts): Query {
  return {
    dockerfile,
    t: tags,
    buildargs: options.buildArgs === undefined ? undefined : JSON.stringify(options.buildArgs),
    target: options.target,
    platform: options.platform,
    nocache: options.noCache,
    pull: options.pull,
    cachefrom: options.cacheFrom === undefined ? undefined : JSON.stringify(options.cacheFrom),
  };
}

function baseOf(
  { profile, options }: PlanParts,
  parsed: Dockerfile,
  replacements: readonly BaseImageReplacement[],
): BaseImage | null {
  const { buildArgs = {}, target, platform, pull = false } = options;
  const builtin = profile.buildkit ? platformArguments(profile, platform) : {};
  const named = finalBase(parsed, globalArguments(parsed, buildArgs, builtin), target);
  if (named === null) return null;
  const used = replacements.find((known) => canonicalName(known.named) === canonicalName(named))?.used ?? named;
  return {
    named,
    used,
    isLocalCopyUsed: !pull && profile.registryDigests,
    ...(platform === undefined ? {} : { platform }),
  };
}

/** ARGs that BuildKit sets by itself (Dockerfile reference, "Automatic platform ARGs in the global scope"). */
function platformArguments({ os, arch }: EngineProfile, platform = `${os}/${arch}`): Readonly<Record<string, string>> {
  const [targetOs = os, targetArch = arch, variant = ""] = platform.split("/");
  return {
    BUILDPLATFORM: `${os}/${arch}`,
    BUILDOS: os,
    BUILDARCH: arch,
    TARGETPLATFORM: platform,
    TARGETOS: targetOs,
    TARGETARCH: targetArch,
    TARGETVARIANT: variant,
  };
}
