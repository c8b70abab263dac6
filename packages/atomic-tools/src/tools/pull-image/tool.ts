import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import type { Engine, Freshness, NormalizedReference } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import { producesPulled } from "../../context-types.ts";
import { fail } from "../../errors.ts";
import { image, layerCount, texts, via, would } from "../../fields.ts";
import { describeIdentity, requireAccess } from "../../login.ts";
import { readReference, registryOf } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";

const output = z.object({
  image: z.string(),
  imageId: z.string().nullable(),
  digest: z.string().nullable(),
  size: z.int(),
  alreadyPresent: z.boolean(),
  bytes: z.int(),
  layers: layerCount,
  freshness: z
    .string()
    .optional()
    .describe("transferred registry cache pinned unchecked: how it is known to be current"),
  warnings: texts,
  via,
  would,
});

export const pullImageTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "pull_image",
    title: "Pull image",
    description: "Pulls an image into the engine. build_image pulls its bases itself.",
    toolset: "image",
    input: z.object({
      image,
      platform: z.string().max(100).optional().describe("os/arch[/variant]"),
      force: z.boolean().optional().describe("pull although it is here and current"),
    }),
    output,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.pull + 5000,
    durable: true,
    concurrency: 4,
    target: ({ image: name }) => registryOf(name),
    acts: ({ image: name }) => ({ verb: "pull", registries: [readReference(name).registry] }),
    run: async ({ image: name, platform, force = false }, context) => {
      const reference = readReference(name);
      if (context.dryRun) return planPull(services, { reference, force }, context);
      const { layers, warnings, ...pulled } = await (
        await services.engine()
      ).pull(name, {
        force,
        signal: context.signal,
        onProgress: (progress) => context.report(progress),
        ...(platform === undefined ? {} : { platform }),
      });
      return { ...pulled, layers: { ...layers }, warnings: [...warnings] };
    },
    produces: [producesPulled],
    next: (result) => [
      { tool: "inspect_image", reason: "see what the image holds", arguments: { image: result.image } },
    ],
    summarize: (result) =>
      [...(result.would ?? [describePull(result)]), ...result.warnings.map((text) => `warning: ${text}`)].join("\n"),
  });

interface PullPlan {
  readonly reference: NormalizedReference;
  readonly force: boolean;
}

/** Asks the engine what is here and the registry for the right, and transfers nothing. */
async function planPull(
  { engine, checkLogin }: ToolServices,
  { reference, force }: PullPlan,
  { signal }: ToolContext,
): Promise<z.input<typeof output>> {
  const { registry, repository, familiar, digest } = reference;
  const present = await (await engine()).inspect(familiar, { signal }).catch((error: unknown) => {
    if (isKitError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  });
  const nothing = { digest: null, bytes: 0, layers: { total: 0, existing: 0 }, warnings: [] };
  const found = {
    image: familiar,
    imageId: present?.imageId ?? null,
    size: present?.size ?? 0,
    alreadyPresent: present !== null,
  };
  if (present !== null && digest !== undefined && !force)
    return { ...found, ...nothing, would: [`keep ${familiar}, which is here`] };
  const login = await checkLogin(registry, { repository, signal });
  requireAccess(login, repository, "pull");
  const who = `${registry} ${describeIdentity(login)}`;
  if (present === null || force) await requireImage(await engine(), familiar, signal);
  const plan =
    present === null || force
      ? `pull ${familiar} from ${who}`
      : `ask ${who} whether ${familiar}, which is here, is current, and pull it if not`;
  return { ...found, ...nothing, warnings: [...login.warnings], would: [plan] };
}

async function requireImage(engine: Engine, image: string, signal: AbortSignal): Promise<void> {
  if ((await engine.findDigest(image, { signal })) !== null) return;
  throw fail("IMAGE_NOT_FOUND", `the registry has no image ${image}`, { details: { image } });
}

/** How a pull that transferred nothing knows that nothing was needed. */
const KNOWN: Readonly<Record<Freshness, string>> = {
  transferred: "",
  registry: ", and the registry says that it is current",
  cache: ", and the registry said within the last half hour that it is current",
  pinned: ", as its digest says",
  unchecked: "; whether it is current could not be checked",
};

function describePull(result: z.output<typeof output>): string {
  const { alreadyPresent, digest, imageId, freshness } = result;
  const how = alreadyPresent ? "was here already" : "was pulled";
  const known = KNOWN[freshness as Freshness] ?? "";
  // An engine that has no digest for an image, and a registry that cannot be asked, leave it unknown.
  const what = [...(digest === null || digest === "" ? [] : [digest]), `image ${imageId ?? ""}`];
  const by = result.via === "docker-cli" ? " by the docker program" : "";
  return `${result.image} ${how}${by}${known}: ${what.join(", ")}`;
}
