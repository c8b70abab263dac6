/**
 * Gives an image another name, and reports it only when the engine shows the image under that name.
 *
 * Whoever calls has the turn of that name: what stands there is looked at before and after.
 */
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { TagOptions, TagResult } from "../types.ts";
import { findImage, inspectSource } from "./inspect.ts";

export interface TagParts extends Pick<TagOptions, "onPlan"> {
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** Under which the calls that change what a name means take turns. @throws INVALID_REFERENCE */
export function tagTurn(name: string): string {
  return `tag ${withDefaultTag(normalizeReference(name)).canonical}`;
}

/** @throws CONFLICT when the target is another image and `force` is not set, or has become another one meanwhile */
export async function tagImage(
  transport: Transport,
  source: string,
  target: string,
  { force, signal, onPlan }: TagParts,
): Promise<Omit<TagResult, "via">> {
  const to = withDefaultTag(normalizeReference(target));
  if (to.digest !== undefined || to.tag === undefined) {
    throw fail("INVALID_REFERENCE", `${target} has a digest, and a digest cannot be given to an image`, {
      details: { reference: target },
      remedy: "Name a tag.",
    });
  }
  const [image, replaced] = await Promise.all([
    inspectSource(transport, source, signal),
    imageIdUnder(transport, to.familiar, signal),
  ]);
  if (replaced !== null && replaced !== image.imageId && !force) {
    throw fail("CONFLICT", `${to.familiar} is ${replaced} already, which is another image than ${source}`, {
      details: { target: to.familiar, existing: replaced, source: image.imageId },
      remedy: "Set `force` to move the tag, or choose another tag.",
    });
  }
  const plan = { imageId: image.imageId, target: to.familiar, replaced };
  await onPlan?.(plan);
  signal.throwIfAborted();
  await transport.json({
    method: "POST",
    path: `/images/${image.imageId}/tag`,
    query: { repo: `${to.registry}/${to.repository}`, tag: to.tag },
    signal,
    operation: `the tagging of ${source} as ${to.familiar}`,
  });
  const shown = await imageIdUnder(transport, to.familiar, signal);
  if (shown !== null && shown !== image.imageId && shown !== replaced) {
    throw fail("CONFLICT", `${to.familiar} was given to ${image.imageId} and is ${shown} by now`, {
      stage: "read-back",
      details: { target: to.familiar, existing: shown, source: image.imageId },
      remedy: "Something else gives this tag too: agree on who does, or choose another tag.",
    });
  }
  if (shown !== image.imageId) {
    throw fail("ENGINE_PROTOCOL", `the engine said it tagged ${to.familiar} and shows ${shown ?? "no image"} there`, {
      stage: "read-back",
    });
  }
  return plan;
}

async function imageIdUnder(transport: Transport, image: string, signal: AbortSignal): Promise<string | null> {
  return (await findImage(transport, image, signal))?.imageId ?? null;
}
