/**
 * Takes tags back to what they were.
 *
 * - R1  A tag that is something else by now than what was made of it belongs to somebody else, and stays.
 * - R2  What was done is looked up, never assumed: the act may have died before it, or been undone already.
 */
import type { ToolContext } from "@container-kit/atomic-runtime";
import type { Engine } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";

const movedTag = z.object({ tag: z.string(), before: z.string().nullable() });
const note = z.object({ tags: z.array(movedTag), made: z.string() });

type MovedTag = z.output<typeof movedTag>;

/** Tags, and the image that they are about to become. */
export interface NewTags {
  readonly tags: readonly string[];
  readonly made: string;
}

/** Notes what tags are before they are moved. */
export async function noteTags(
  engine: Engine,
  { tags, made }: NewTags,
  context: Pick<ToolContext, "willMake" | "signal">,
): Promise<void> {
  const before = await Promise.all(
    tags.map(async (tag): Promise<MovedTag> => ({ tag, before: await imageIdOf(engine, tag, context.signal) })),
  );
  await noteMoved(before, made, context);
}

/** Notes what tags were that are known already. */
export async function noteMoved(
  tags: readonly MovedTag[],
  made: string,
  context: Pick<ToolContext, "willMake">,
): Promise<void> {
  const moved = tags.filter((tag) => tag.before !== made);
  if (moved.length > 0) await context.willMake({ tags: moved, made });
}

/** Takes back what {@link noteTags} noted. @throws the engine's codes, for a later try */
export async function restoreTags(engine: Engine, notes: readonly unknown[], signal: AbortSignal): Promise<void> {
  for (const one of notes) {
    const { tags, made } = note.parse(one);
    for (const { tag, before } of tags) {
      // (R1) (R2)
      if ((await imageIdOf(engine, tag, signal)) !== made) continue;
      const isThere = before !== null && (await imageIdOf(engine, before, signal)) !== null;
      if (isThere) await engine.tag(before, tag, { force: true, signal });
      else await engine.remove(tag, { signal });
    }
  }
}

/** The image under a name, or null. */
export async function imageIdOf(engine: Engine, image: string, signal: AbortSignal): Promise<string | null> {
  try {
    return (await engine.inspect(image, { signal })).imageId;
  } catch (error) {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  }
}
