import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import type { Engine } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import { fail } from "../../errors.ts";
import { judgeImage } from "../../acts.ts";
import { consumesAnyImage, producesImage } from "../../context-types.ts";
import { image, via, would } from "../../fields.ts";
import { nextPush } from "../../next-push.ts";
import { checkImage, namesRegistry, readReference } from "../../reference.ts";
import { noteMoved, restoreTags } from "../../restore-tags.ts";
import type { ToolServices } from "../../services.ts";

const output = z.object({
  imageId: z.string(),
  target: z.string(),
  replaced: z.string().nullable().describe("image id it was before"),
  via,
  would,
});

export const tagImageTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "tag_image",
    title: "Tag image",
    description:
      "Gives a local image another name, e.g. one with a registry for push_image. Moves a tag from another image only with `force`.",
    toolset: "image",
    input: z.object({
      source: image.describe("name or id"),
      target: image,
      force: z.boolean().optional(),
    }),
    output,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    deadlineMs: DEADLINES.tag + 5000,
    acts: ({ target }) => ({ verb: "tag", ...registryIn(target) }),
    run: async ({ source, target, force = false }, context) => {
      checkImage(source);
      const to = readReference(target).familiar;
      const connected = await services.engine();
      await judgeImage(services, connected, { verb: "tag", image: source }, context);
      if (context.dryRun) return planTag(connected, { source, to, force, signal: context.signal });
      return connected.tag(source, target, {
        force,
        signal: context.signal,
        onPlan: (plan) => noteMoved([{ tag: plan.target, before: plan.replaced }], plan.imageId, context),
      });
    },
    consumes: consumesAnyImage("source"),
    produces: [producesImage(({ target: reference, imageId }) => ({ reference, imageId }))],
    undo: async (notes, { signal }) => restoreTags(await services.engine(), notes, signal),
    next: ({ target }) => [nextPush(target)],
    summarize: (result) =>
      result.would?.join("\n") ??
      `${result.target} is ${result.imageId}${result.via === "docker-cli" ? ", tagged by the docker program" : ""}${result.replaced === null || result.replaced === result.imageId ? "" : `; the tag was moved from ${result.replaced}`}`,
  });

/** A name without a registry goes nowhere; only a push would. */
function registryIn(target: string): { readonly registries?: readonly string[] } {
  const { registry } = readReference(target);
  return namesRegistry(target) ? { registries: [registry] } : {};
}

interface TagPlan {
  readonly source: string;
  readonly to: string;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** Refuses what the tag itself would refuse. */
async function planTag(engine: Engine, { source, to, force, signal }: TagPlan): Promise<z.input<typeof output>> {
  const { imageId } = await engine.inspect(source, { signal });
  const known = await engine.inspect(to, { signal }).catch((error: unknown) => {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  });
  const replaced = known?.imageId ?? null;
  if (replaced !== null && replaced !== imageId && !force) {
    throw fail("CONFLICT", `${to} is ${replaced} already, which is another image than ${source}`, {
      details: { target: to, existing: replaced, source: imageId },
      remedy: "Set `force` to move the tag, or choose another tag.",
    });
  }
  return { imageId, target: to, replaced, would: [`tag ${source} as ${to}`] };
}
