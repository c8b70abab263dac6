import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import { z } from "zod";
import { image, layerCount, would } from "../../fields.ts";
import { readReference } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

export const pullImageTool = ({ engine }: ToolServices): ToolDefinition =>
  defineTool({
    name: "pull_image",
    title: "Pull image",
    description:
      "Pulls an image from its registry into the engine, with the docker configuration's credentials. Use it to have an image locally; build_image pulls its bases itself.",
    toolset: "image",
    input: z.object({
      image,
      platform: z.string().max(100).optional().describe("os/arch[/variant]"),
      force: z.boolean().optional().describe("Ask the registry although the image is present"),
    }),
    output: z.object({
      image: z.string(),
      imageId: z.string().nullable(),
      digest: z.string().nullable(),
      size: z.int(),
      alreadyPresent: z.boolean(),
      bytes: z.int(),
      layers: layerCount,
      would,
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.pull + 5000,
    durable: true,
    run: async (input, context) => {
      const name = readReference(input.image).familiar;
      const connected = await engine();
      if (context.dryRun) {
        const nothing = {
          imageId: null,
          digest: null,
          size: 0,
          alreadyPresent: false,
          bytes: 0,
          layers: { total: 0, existing: 0 },
        };
        return { image: name, ...nothing, would: [`pull ${name}`] };
      }
      const { platform, force = false } = input;
      return connected.pull(input.image, {
        force,
        signal: context.signal,
        onProgress: (progress) => context.report(progress),
        ...(platform === undefined ? {} : { platform }),
      });
    },
    next: (result) => [
      { tool: "inspect_image", reason: "see what the image holds", arguments: { image: result.image } },
    ],
    summarize: (result) =>
      result.would?.join("\n") ??
      `${result.image} ${result.alreadyPresent ? "was here already" : "was pulled"}: ${result.digest ?? ""}, image ${result.imageId ?? ""}`,
  });
