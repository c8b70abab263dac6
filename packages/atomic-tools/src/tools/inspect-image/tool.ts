import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { MASK } from "@container-kit/observability";
import { z } from "zod";
import { consumesAnyImage } from "../../context-types.ts";
import { image, texts } from "../../fields.ts";
import { checkImage } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

export const inspectImageTool = ({ engine }: ToolServices): ToolDefinition =>
  defineTool({
    name: "inspect_image",
    title: "Inspect image",
    description:
      "Shows a local image: tags, digests, size, platform, configuration (values of variables masked), layers.",
    toolset: "image",
    input: z.object({ image: image.describe("name or id") }),
    output: z.object({
      imageId: z.string(),
      tags: texts,
      digests: texts,
      size: z.int(),
      platform: z.string(),
      created: z.string(),
      config: z.object({
        user: z.string(),
        entrypoint: texts,
        cmd: texts,
        env: texts,
        exposedPorts: texts,
        labels: z.record(z.string(), z.string()),
        healthcheck: texts.nullable(),
      }),
      layers: texts,
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    retry: { attempts: 2 },
    consumes: consumesAnyImage("image"),
    run: async (input, context) => {
      checkImage(input.image);
      const details = await (await engine()).inspect(input.image, { signal: context.signal });
      const { config } = details;
      return {
        ...details,
        tags: [...details.tags],
        digests: [...details.digests],
        layers: [...details.layers],
        config: {
          ...config,
          entrypoint: [...config.entrypoint],
          cmd: [...config.cmd],
          exposedPorts: [...config.exposedPorts],
          healthcheck: config.healthcheck === null ? null : [...config.healthcheck],
          env: config.env.map(maskValue),
        },
      };
    },
    summarize: ({ imageId, tags, size, platform, config, layers }) =>
      [
        `${tags.join(", ") || "no tags"}: ${imageId}`,
        `${platform}, ${size} bytes in ${layers.length} layers, user ${config.user || "root"}, ports ${config.exposedPorts.join(", ") || "none"}`,
        `starts ${JSON.stringify([...config.entrypoint, ...config.cmd])}`,
      ].join("\n"),
  });

/** `NAME=value` with the value masked: which variables there are is useful, what they hold may be secret. */
function maskValue(entry: string): string {
  const equals = entry.indexOf("=");
  return equals === -1 ? entry : `${entry.slice(0, equals)}=${MASK}`;
}
