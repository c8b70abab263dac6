/**
 * A build under a name of its own, until its image may have the names that were asked for.
 *
 * - P1  No name that was asked for points to an image that the policies have not passed, not for a moment.
 * - P2  Which image a dead build made is known by that name alone: another build of the same tags is never mistaken for it.
 */
import type { ToolContext } from "@container-kit/atomic-runtime";
import type { BuildResult, Engine } from "@container-kit/docker-ops";
import { z } from "zod";
import { imageIdOf, noteTags, restoreTags } from "../../restore-tags.ts";

/** No such registry can be: what is pushed by mistake goes nowhere. */
const REPOSITORY = "container-kit.invalid/pending";

const note = z.object({ pending: z.string() });

/** What is done between the build and the naming, and with which names. */
export interface PendingBuild {
  readonly tags: readonly string[];
  /** Builds under this one tag. */
  readonly build: (tag: string) => Promise<BuildResult>;
  /** Throws where the image may not have its names. */
  readonly judge: (imageId: string) => Promise<void>;
}

/** Builds, judges, names; in this order. */
export async function buildPending(
  engine: Engine,
  { tags, build, judge }: PendingBuild,
  context: Pick<ToolContext, "willMake" | "signal" | "executionId">,
): Promise<BuildResult> {
  const { signal, executionId } = context;
  const pending = `${REPOSITORY}:${executionId}`;
  await context.willMake({ pending });
  const built = await build(pending);
  await judge(built.imageId);
  await noteTags(engine, { tags, made: built.imageId }, context);
  for (const tag of tags) await engine.tag(built.imageId, tag, { force: true, signal });
  await engine.remove(pending, { signal });
  return { ...built, tags };
}

/** Takes back the names that were given, and with its own name the image, where nothing else holds it. */
export async function undoBuild(engine: Engine, notes: readonly unknown[], signal: AbortSignal): Promise<void> {
  for (const one of notes) {
    const parsed = note.safeParse(one);
    if (!parsed.success) await restoreTags(engine, [one], signal);
    else if ((await imageIdOf(engine, parsed.data.pending, signal)) !== null)
      await engine.remove(parsed.data.pending, { signal });
  }
}
