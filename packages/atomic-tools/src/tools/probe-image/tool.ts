import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import { z } from "zod";
import { judgeImage } from "../../acts.ts";
import { consumesAnyImage } from "../../context-types.ts";
import { image, would } from "../../fields.ts";
import { checkImage } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

export const probeImageTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "probe_image",
    title: "Run image for a moment",
    description:
      "Runs an image hardened (read-only root, no capabilities, limits) on loopback, asks it over HTTP, and removes it. Use it to see that a built image starts and answers.",
    toolset: "run",
    input: z.object({
      image,
      port: z.int().min(1).max(65_535).describe("Port the application listens on"),
      path: z.string().max(2000).startsWith("/").optional(),
    }),
    output: z.object({
      answered: z.boolean(),
      status: z.int().nullable(),
      url: z.string(),
      durationMs: z.number(),
      problem: z.string().nullable(),
      user: z.string(),
      logTail: z.string(),
      would,
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    deadlineMs: DEADLINES.probe + 5000,
    concurrency: 4,
    acts: () => ({ verb: "run" }),
    consumes: consumesAnyImage("image"),
    run: async ({ image: name, port, path }, context) => {
      checkImage(name);
      const connected = await services.engine();
      await judgeImage(services, connected, { verb: "run", image: name }, context);
      if (context.dryRun) {
        const { config } = await connected.inspect(name, { signal: context.signal });
        return {
          answered: false,
          status: null,
          url: "",
          durationMs: 0,
          problem: null,
          user: config.user,
          logTail: "",
          would: [`run ${name} for a moment and ask port ${port}`],
        };
      }
      return connected.probe(name, {
        port,
        signal: context.signal,
        onProgress: (progress) => context.report(progress),
        ...(path === undefined ? {} : { path }),
      });
    },
    summarize: (result) =>
      result.would?.join("\n") ??
      (result.answered
        ? `it answered ${result.status} after ${result.durationMs} ms`
        : `it did not answer: ${result.problem}`),
  });
