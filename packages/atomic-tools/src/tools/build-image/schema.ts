import { z } from "zod";
import { image, texts, via, would } from "../../fields.ts";

const pairs = z.record(z.string().min(1).max(300), z.string().max(100_000));

/** A reference to a secret, so that the secret itself is never an argument. */
const secret = z.object({
  id: z.string().regex(/^[\w.-]{1,200}$/, "is a name of letters, digits, dots and dashes"),
  from: z
    .string()
    .max(4096)
    .regex(/^(?:env:[A-Za-z_]\w*|file:.+)$/, "is env:NAME or file:PATH, never the secret itself"),
});

export const input = z.object({
  context: z.string().min(1).max(4096).describe("folder"),
  dockerfile: z.string().max(4096).optional().describe("relative to context"),
  tags: z.array(image).min(1).max(50),
  buildArgs: pairs.optional().describe("never secrets: they stay in the image"),
  target: z.string().max(200).optional(),
  platform: z.string().max(100).optional(),
  noCache: z.boolean().optional(),
  pull: z.boolean().optional().describe("ask for newer base images"),
  labels: pairs.optional(),
  secrets: z.array(secret).max(50).optional().describe("for RUN --mount=type=secret; from env:NAME or file:PATH"),
  cacheFrom: z.array(image).max(50).optional(),
  ociLabels: z.boolean().optional().describe("label source, revision, base; default true"),
});

export const output = z.object({
  imageId: z.string().nullable(),
  tags: texts.describe("read back from the engine"),
  size: z.int(),
  layers: z.int(),
  steps: z.array(z.object({ index: z.int(), instruction: z.string(), durationMs: z.number(), cached: z.boolean() })),
  warnings: texts,
  baseImages: z.array(z.object({ named: z.string(), used: z.string() })),
  builder: z.string(),
  via,
  log: z.string().nullable().describe("resource with the whole log"),
  would,
});

export type BuildInput = z.output<typeof input>;
export type BuildOutput = z.input<typeof output>;
