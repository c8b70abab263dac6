import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import type { Engine, NormalizedReference } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import { judgeImage } from "../../acts.ts";
import { consumesImage, producesPushed } from "../../context-types.ts";
import { image, layerCount, texts, via, would } from "../../fields.ts";
import { describeIdentity, requireAccess } from "../../login.ts";
import { readTag, registryOf } from "../../reference.ts";
import { noteTags, restoreTags } from "../../restore-tags.ts";
import type { ToolServices } from "../../services.ts";

const output = z.object({
  image: z.string(),
  digest: z.string().nullable().describe("read back from the registry"),
  verified: z.boolean(),
  bytes: z.int(),
  layers: layerCount,
  tagDigest: z.string().optional().describe("what the tag points to, if not digest"),
  replaced: z.string().nullable().describe("image id that target was here"),
  warnings: texts,
  via,
  would,
});

export const pushImageTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "push_image",
    title: "Push image",
    description:
      "Pushes a local image and reads its manifest back: success means that the registry holds the digest. The reference names the registry; `target` or tag_image gives it that name.",
    toolset: "image",
    input: z.object({
      image: image.describe("as tagged locally"),
      target: image.optional().describe("tag it so first, push that"),
    }),
    output,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.push + 5000,
    durable: true,
    concurrency: 4,
    target: ({ image: name, target }) => registryOf(target ?? name),
    acts: ({ image: name, target }) => ({ verb: "push", registries: [readTag(target ?? name).registry] }),
    run: async ({ image: name, target }, context) => {
      const local = readTag(name);
      const reference = target === undefined ? local : readTag(target);
      const engine = await services.engine();
      await judgeImage(services, engine, { verb: "push", image: local.familiar }, context);
      if (context.dryRun) return planPush(services, { local, reference }, context);
      if (reference.familiar !== local.familiar) await noteTarget(engine, { local, reference }, context);
      const { layers, warnings, ...pushed } = await engine.push(name, {
        signal: context.signal,
        onProgress: (progress) => context.report(progress),
        ...(target === undefined ? {} : { target }),
      });
      return { ...pushed, layers: { ...layers }, warnings: [...warnings] };
    },
    consumes: consumesImage("image"),
    produces: [producesPushed],
    undo: async (notes, { signal }) => restoreTags(await services.engine(), notes, signal),
    summarize: (result) =>
      [...(result.would ?? describePush(result)), ...result.warnings.map((text) => `warning: ${text}`)].join("\n"),
  });

interface PushPlan {
  readonly local: NormalizedReference;
  readonly reference: NormalizedReference;
}

/** A push takes the name that it gave back by itself; this is for one that died. */
async function noteTarget(engine: Engine, { local, reference }: PushPlan, context: ToolContext): Promise<void> {
  const source = await engine.inspect(local.familiar, { signal: context.signal }).catch((error: unknown) => {
    // The push itself says best what is missing.
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  });
  if (source !== null) await noteTags(engine, { tags: [reference.familiar], made: source.imageId }, context);
}

/** Asks the engine for the image and the registry for the right, and sends nothing. */
async function planPush(
  { engine, checkLogin }: ToolServices,
  { local, reference }: PushPlan,
  { signal }: ToolContext,
): Promise<z.input<typeof output>> {
  const { imageId } = await (await engine()).inspect(local.familiar, { signal });
  const { registry, repository, familiar } = reference;
  const login = await checkLogin(registry, { repository, signal });
  requireAccess(login, repository, "push");
  return {
    image: familiar,
    digest: null,
    verified: false,
    bytes: 0,
    layers: { total: 0, existing: 0 },
    replaced: null,
    warnings: [...login.warnings],
    would: [`push ${imageId} as ${familiar} to ${registry} ${describeIdentity(login)}`],
  };
}

function describePush(result: z.output<typeof output>): string[] {
  const { digest, layers, tagDigest, replaced } = result;
  return [
    `${result.image} was pushed${result.via === "docker-cli" ? " by the docker program" : ""}; its registry answers for ${digest ?? ""} (${layers.existing} of ${layers.total} layers were there)`,
    ...(tagDigest === undefined ? [] : [`the tag points to ${tagDigest} now: somebody else has moved it since`]),
    ...(replaced === null ? [] : [`the engine had ${replaced} under that name before`]),
  ];
}
