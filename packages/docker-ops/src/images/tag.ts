/** Gives an image another name, and reports it only when the engine shows the image under that name. */
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { isImageId } from "../reference/parse.ts";
import type { TagResult } from "../types.ts";
import { findImage, inspectImage } from "./inspect.ts";

export interface TagParts {
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** @throws CONFLICT when the target is another image and `force` is not set */
export async function tagImage(
  transport: Transport,
  source: string,
  target: string,
  { force, signal }: TagParts,
): Promise<Omit<TagResult, "via">> {
  const to = withDefaultTag(normalizeReference(target));
  if (to.digest !== undefined || to.tag === undefined) {
    throw fail("INVALID_REFERENCE", `${target} has a digest, and a digest cannot be given to an image`, {
      details: { reference: target },
      remedy: "Name a tag.",
    });
  }
  const from = isImageId(source) ? source : withDefaultTag(normalizeReference(source)).familiar;
  const [image, replaced] = await Promise.all([
    inspectImage(transport, from, signal),
    imageIdUnder(transport, to.familiar, signal),
  ]);
  if (replaced !== null && replaced !== image.imageId && !force) {
    throw fail("CONFLICT", `${to.familiar} is ${replaced} already, which is another image than ${source}`, {
      details: { target: to.familiar, existing: replaced, source: image.imageId },
      remedy: "Set `force` to move the tag, or choose another tag.",
    });
  }
  await transport.json({
    method: "POST",
    path: `/images/${image.imageId}/tag`,
    query: { repo: `${to.registry}/${to.repository}`, tag: to.tag },
    signal,
    operation: `the tagging of ${source} as ${to.familiar}`,
  });
  const shown = await imageIdUnder(transport, to.familiar, signal);
  if (shown !== image.imageId) {
    throw fail("ENGINE_PROTOCOL", `the engine said it tagged ${to.familiar} and shows ${shown ?? "no image"} there`, {
      stage: "read-back",
    });
  }
  return { imageId: image.imageId, target: to.familiar, replaced };
}

async function imageIdUnder(transport: Transport, image: string, signal: AbortSignal): Promise<string | null> {
  return (await findImage(transport, image, signal))?.imageId ?? null;
}
