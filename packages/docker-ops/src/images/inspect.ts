import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { isImageId, parseReference } from "../reference/parse.ts";
import type { ImageDetails } from "../types.ts";
import { familiarNames } from "./familiar-names.ts";

const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

/** The engine's answer (`ImageInspect` of the Engine API), as much as is used. */
const inspection = z.object({
  Id: z.string(),
  RepoTags: texts,
  RepoDigests: texts,
  Size: z.number(),
  Created: z.string().nullish(),
  Os: z.string(),
  Architecture: z.string(),
  Variant: z.string().nullish(),
  Config: z
    .object({
      User: z.string().nullish(),
      Entrypoint: texts,
      Cmd: texts,
      Env: texts,
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
      Healthcheck: z.object({ Test: texts }).nullish(),
    })
    .nullish(),
  RootFS: z.object({ Layers: texts }),
});

/**
 * Reads one image from the engine, by reference or by id.
 *
 * @throws IMAGE_NOT_FOUND INVALID_REFERENCE ENGINE_PROTOCOL
 */
export async function inspectImage(transport: Transport, image: string, signal: AbortSignal): Promise<ImageDetails> {
  // Ids and short ids are references too, as far as the grammar goes; anything else must not reach the engine's URL.
  if (!isImageId(image)) parseReference(image);
  // Podman takes a bare id that it does not know for a name, and fails over it.
  const asked = isImageId(image) && !image.includes(":") ? `sha256:${image}` : image;
  const operation = `the inspection of ${image}`;
  const answer = await transport
    .json({ method: "GET", path: `/images/${asked}/json`, signal, operation })
    .catch((cause: unknown) => {
      if (!isKitError(cause, "IMAGE_NOT_FOUND")) throw cause;
      throw fail("IMAGE_NOT_FOUND", `the engine has no image ${image}`, {
        cause,
        details: { image },
        remedy: "Check the name against `docker images`, or pull or build the image first.",
      });
    });
  const parsed = inspection.safeParse(answer);
  if (!parsed.success)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine's answer is not an image`, { cause: parsed.error });
  return toDetails(parsed.data);
}

/** Reads one image from the engine; null when it has none of that name. @throws INVALID_REFERENCE ENGINE_PROTOCOL */
export async function findImage(
  transport: Transport,
  image: string,
  signal: AbortSignal,
): Promise<ImageDetails | null> {
  try {
    return await inspectImage(transport, image, signal);
  } catch (error) {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  }
}

/** Whether the engine shows an image under a name that an engine gave, which need not follow the grammar. */
export async function isShown(transport: Transport, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await findImage(transport, name, signal)) !== null;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return false;
    throw error;
  }
}

/** The beginning of an image id: also a name, by the grammar. */
const SHORT_ID = /^(?:sha256:)?([a-f0-9]{1,63})$/;

/** An image as docker finds it: a name first, then what its id begins with. @throws as {@link inspectImage} */
export async function inspectSource(transport: Transport, source: string, signal: AbortSignal): Promise<ImageDetails> {
  if (isImageId(source)) return inspectImage(transport, source, signal);
  const { canonical, familiar } = withDefaultTag(normalizeReference(source));
  const name = SHORT_ID.test(source) ? canonical : familiar;
  try {
    return await inspectImage(transport, name, signal);
  } catch (error) {
    const image = isKitError(error, "IMAGE_NOT_FOUND") ? await findByShortId(transport, source, signal) : null;
    if (image === null) throw error;
    return image;
  }
}

/** The image whose id begins so, for a text that the engine knows as no name; null for any other text. */
export async function findByShortId(
  transport: Transport,
  text: string,
  signal: AbortSignal,
): Promise<ImageDetails | null> {
  const digits = SHORT_ID.exec(text)?.[1];
  if (digits === undefined) return null;
  const image = await findImage(transport, digits, signal);
  return image?.imageId.startsWith(`sha256:${digits}`) === true ? image : null;
}

function toDetails(data: z.output<typeof inspection>): ImageDetails {
  const { Config: config } = data;
  const platform = `${data.Os}/${data.Architecture}`;
  return {
    imageId: data.Id.startsWith("sha256:") ? data.Id : `sha256:${data.Id}`,
    tags: familiarNames(data.RepoTags),
    digests: familiarNames(data.RepoDigests),
    size: data.Size,
    platform:
      data.Variant === undefined || data.Variant === null || data.Variant === ""
        ? platform
        : `${platform}/${data.Variant}`,
    created: data.Created ?? "",
    config: {
      user: config?.User ?? "",
      entrypoint: config?.Entrypoint ?? [],
      cmd: config?.Cmd ?? [],
      env: config?.Env ?? [],
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}).sort(),
      labels: config?.Labels ?? {},
      healthcheck: config?.Healthcheck?.Test ?? null,
    },
    layers: data.RootFS.Layers,
  };
}
