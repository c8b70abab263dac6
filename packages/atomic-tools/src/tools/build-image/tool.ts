import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES, resolveContext } from "@container-kit/docker-ops";
import type { BuildOptions, BuildResult } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { judgeBuild, judgeImage } from "../../acts.ts";
import { producesImage } from "../../context-types.ts";
import { fail } from "../../errors.ts";
import { nextPush } from "../../next-push.ts";
import { checkImage, namesRegistry, readReference } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";
import { openLogFile } from "./log-file.ts";
import { buildPending, undoBuild } from "./pending.ts";
import { planBuild } from "./plan.ts";
import { input, output } from "./schema.ts";
import type { BuildInput, BuildOutput } from "./schema.ts";
import { locateSecret, secretArguments } from "./secrets.ts";

export const buildImageTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "build_image",
    title: "Build image",
    description:
      "Builds an image from a folder with a Dockerfile (generate_dockerfile writes one) and tags it. On BUILD_FAILED error.logTail has the step's output.",
    toolset: "build",
    input,
    output,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.build + 5000,
    durable: true,
    concurrency: 4,
    acts: () => ({ verb: "build" }),
    run: async (given, context) => {
      const { wanted, folder } = await check(given, services);
      await judgeBases(services, { wanted, folder }, context);
      const engine = await services.engine();
      if (context.dryRun) return planBuild(folder, wanted, engine);
      const log = openLogFile(join(await context.jobFolder(), "build.log"), services.redactor);
      try {
        const { roots } = services.paths;
        const options = {
          ...toOptions(wanted, context, (line) => log.write(line)),
          ...(roots.length === 0 ? {} : { roots }),
        };
        const parts = {
          tags: wanted.tags,
          build: (tag: string) => engine.build(folder, { ...options, tags: [tag] }),
          judge: (image: string) => judgeImage(services, engine, { verb: "build", image }, context),
        };
        const built = await buildPending(engine, parts, context);
        return describeBuild(built, context);
      } catch (error) {
        throw withPosition(error);
      } finally {
        await log.close();
      }
    },
    undo: async (notes, { signal }) => undoBuild(await services.engine(), notes, signal),
    consumes: [{ type: "dockerfile", fills: { context: "context", dockerfile: "dockerfile" } }],
    produces: [producesBuilt],
    next: ({ tags }) => [nextPush(chooseTag(tags))],
    summarize: (result) =>
      [
        ...(result.would ?? [
          `${result.tags.join(", ")}: ${result.imageId}`,
          `${result.size} bytes in ${result.layers} layers; ${result.steps.length} steps, ${result.steps.filter(({ cached }) => cached).length} from the cache (${result.builder}${result.via === "docker-cli" ? " by the docker program" : ""})`,
        ]),
        ...result.warnings.map((text) => `warning: ${text}`),
      ].join("\n"),
  });

const producesBuilt = producesImage(({ imageId, tags }, { context }) => ({
  reference: chooseTag(tags as readonly string[]),
  imageId,
  tags,
  context,
}));

/** The tag that says where it is to be pushed, if one does. */
function chooseTag(tags: readonly string[]): string {
  return tags.find(namesRegistry) ?? tags[0] ?? "";
}

interface CheckedBuild {
  readonly wanted: BuildInput;
  readonly folder: string;
}

/** Reads the input as far as that needs no engine. @throws INVALID_REFERENCE INVALID_INPUT PATH_DENIED NOT_FOUND */
async function check(given: BuildInput, services: ToolServices): Promise<CheckedBuild> {
  const tags = given.tags.map((tag) => readReference(tag).familiar);
  for (const name of given.cacheFrom ?? []) checkImage(name);
  for (const name of secretArguments(given)) services.redactor.learn(given.buildArgs?.[name] ?? "");
  const folder = await services.paths.resolve(given.context);
  if (given.secrets === undefined) return { wanted: { ...given, tags }, folder };
  const secrets = await Promise.all(given.secrets.map((secret) => locateSecret(secret, services)));
  return { wanted: { ...given, tags, secrets }, folder };
}

/** @throws POLICY_DENIED before the engine is asked for anything; NOT_FOUND CONTEXT_INVALID */
async function judgeBases(
  services: ToolServices,
  { wanted, folder }: CheckedBuild,
  context: ToolContext,
): Promise<void> {
  if (services.policy?.looksAt("baseImages", "registries") === false) return;
  const { dockerfile } = await resolveContext(folder, wanted.dockerfile);
  const content = await readFile(join(folder, dockerfile), "utf8");
  judgeBuild(services, { ...wanted, content }, context);
}

function toOptions(
  wanted: BuildInput,
  context: ToolContext,
  onLog: (line: string) => void,
): Omit<BuildOptions, "tags"> {
  const { context: _folder, tags: _given, ...rest } = wanted;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...given, signal: context.signal, onLog, onProgress: (progress) => context.report(progress) };
}

function describeBuild(built: BuildResult, { jobId }: ToolContext): BuildOutput {
  const { imageId, size, layers, builder, via } = built;
  return {
    imageId,
    tags: [...built.tags],
    size,
    layers,
    steps: [...built.steps],
    warnings: [...built.warnings],
    baseImages: [...built.baseImages],
    builder,
    via,
    log: jobId === null ? null : `job://${jobId}/log`,
  };
}

/** Says in words where in the Dockerfile the error is, for those who see the message alone. */
function withPosition(error: unknown): unknown {
  if (!isKitError(error, "DOCKERFILE_INVALID")) return error;
  const { details = {}, message, remedy, logTail } = error;
  const untold = (["line", "column"] as const).filter(
    (name) => typeof details[name] === "number" && !new RegExp(`\\b${name} \\d`, "i").test(message),
  );
  if (untold.length === 0) return error;
  const where = untold.map((name) => `${name} ${String(details[name])}`).join(", ");
  return fail("DOCKERFILE_INVALID", `${message} (${where})`, {
    cause: error,
    details,
    remedy,
    ...(logTail === undefined ? {} : { logTail }),
  });
}
