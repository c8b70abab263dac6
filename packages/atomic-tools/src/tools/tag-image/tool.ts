import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import { z } from "zod";
import { image, would } from "../../fields.ts";
import { checkImage, readReference } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

export const tagImageTool = ({ engine }: ToolServices): ToolDefinition =>
  defineTool({
    name: "tag_image",
    title: "Tag image",
    description:
      "Gives a local image another name, e.g. one with a registry before push_image. Refuses to move a tag from another image unless `force`.",
    toolset: "image",
    input: z.object({
      source: image.describe("Image reference or id"),
      target: image.describe("The new name"),
      force: z.boolean().optional().describe("Move the tag from another image"),
    }),
    output: z.object({
      imageId: z.string(),
      target: z.string(),
      replaced: z.string().nullable().describe("Image the tag pointed to before"),
      would,
    }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    deadlineMs: DEADLINES.tag + 5000,
    run: async ({ source, target, force = false }, context) => {
      checkImage(source);
      const to = readReference(target).familiar;
      const connected = await engine();
      if (context.dryRun) {
        const { imageId } = await connected.inspect(source, { signal: context.signal });
        return { imageId, target: to, replaced: null, would: [`tag ${source} as ${to}`] };
      }
      return connected.tag(source, target, { force, signal: context.signal });
    },
    next: ({ target }) => [{ tool: "push_image", reason: "send it to its registry", arguments: { image: target } }],
    summarize: (result) =>
      result.would?.join("\n") ??
      `${result.target} is ${result.imageId}${result.replaced === null || result.replaced === result.imageId ? "" : `; it was ${result.replaced}`}`,
  });
