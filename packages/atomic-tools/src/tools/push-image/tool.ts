import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES, resolveCredential } from "@container-kit/docker-ops";
import { z } from "zod";
import { image, layerCount, would } from "../../fields.ts";
import { readReference } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

export const pushImageTool = ({ engine }: ToolServices): ToolDefinition =>
  defineTool({
    name: "push_image",
    title: "Push image",
    description:
      "Pushes a local image to its registry, with the docker configuration's credentials, and reads its manifest back from there: a success means that the registry holds the digest. The reference names the registry; tag_image gives it that name, or `target` does.",
    toolset: "image",
    input: z.object({
      image: image.describe("The image as tagged locally"),
      target: image.optional().describe("Tag it so first and push that"),
    }),
    output: z.object({
      image: z.string(),
      digest: z.string().nullable().describe("Read back from the registry"),
      verified: z.boolean(),
      bytes: z.int(),
      layers: layerCount,
      would,
    }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.push + 5000,
    durable: true,
    run: async (input, context) => {
      const { target } = input;
      const local = readReference(input.image);
      const reference = target === undefined ? local : readReference(target);
      const connected = await engine();
      if (context.dryRun) {
        await connected.inspect(local.familiar, { signal: context.signal });
        const { source } = await resolveCredential(reference.registry, { signal: context.signal });
        const credentials =
          source === "none" ? "without credentials" : `with the credentials of the docker configuration (${source})`;
        return {
          image: reference.familiar,
          digest: null,
          verified: false,
          bytes: 0,
          layers: { total: 0, existing: 0 },
          would: [`push ${reference.familiar} to ${reference.registry} ${credentials}`],
        };
      }
      return connected.push(input.image, {
        signal: context.signal,
        onProgress: (progress) => context.report(progress),
        ...(target === undefined ? {} : { target }),
      });
    },
    summarize: (result) =>
      result.would?.join("\n") ??
      `${result.image} was pushed; its registry answers for ${result.digest ?? ""} (${result.layers.existing} of ${result.layers.total} layers were there)`,
  });
