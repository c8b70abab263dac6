import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES, resolveContext } from "@container-kit/docker-ops";
import type { BuildOptions, BuildResult, Engine } from "@container-kit/docker-ops";
import { validateDockerfile } from "@container-kit/build-strategy";
import { z } from "zod";
import { fail } from "../../errors.ts";
import { image, would } from "../../fields.ts";
import { readReference } from "../../reference.ts";
import type { ToolServices } from "../../services.ts";
import { openLogFile } from "./log-file.ts";

const texts = z.array(z.string().max(600));
const pairs = z.record(z.string().min(1).max(300), z.string().max(100_000));

const input = z.object({
  context: z.string().min(1).max(4096).describe("Folder that is sent; .dockerignore applies"),
  dockerfile: z.string().max(4096).optional().describe("Relative to the context"),
  tags: z.array(image).min(1).max(50),
  buildArgs: pairs.optional().describe("Never secrets: they stay in the image's history"),
  target: z.string().max(200).optional(),
  platform: z.string().max(100).optional(),
  noCache: z.boolean().optional(),
  pull: z.boolean().optional().describe("Ask for newer base images"),
  labels: pairs.optional(),
  secrets: z.array(z.object({ id: z.string(), from: z.string() })).optional(),
  cacheFrom: texts.optional(),
});

const output = z.object({
  imageId: z.string().nullable(),
  tags: z.array(z.string()).describe("Read back from the engine"),
  size: z.int(),
  layers: z.int(),
  steps: z.array(z.object({ index: z.int(), instruction: z.string(), durationMs: z.number(), cached: z.boolean() })),
  warnings: z.array(z.string()),
  baseImages: z.array(z.object({ named: z.string(), used: z.string() })),
  builder: z.string(),
  log: z.string().nullable().describe("Resource with the whole log"),
  would,
});

type BuildInput = z.output<typeof input>;

export const buildImageTool = ({ engine, paths, redactor }: ToolServices): ToolDefinition =>
  defineTool({
    name: "build_image",
    title: "Build image",
    description:
      "Builds an image from a folder with a Dockerfile, tags it, and reads every tag back. generate_dockerfile writes a missing Dockerfile. On BUILD_FAILED the step's own output is in error.logTail.",
    toolset: "build",
    input,
    output,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.build + 5000,
    durable: true,
    run: async (wanted, context) => {
      if ((wanted.secrets?.length ?? 0) > 0) {
        throw fail("UNSUPPORTED", "this version builds without build secrets", {
          remedy: "Leave `secrets` out; do not pass a secret in buildArgs instead, it would stay in the image.",
        });
      }
      const tags = wanted.tags.map((tag) => readReference(tag).familiar);
      for (const name of secretArguments(wanted)) redactor.learn(wanted.buildArgs?.[name] ?? "");
      const folder = await paths.resolve(wanted.context);
      const connected = await engine();
      if (context.dryRun) return planBuild(folder, { ...wanted, tags }, connected);
      const log = openLogFile(join(await context.jobFolder(), "build.log"), redactor);
      try {
        const built = await connected.build(
          folder,
          toOptions(wanted, context, (line) => log.write(line)),
        );
        return describeBuild(built, warnAboutArguments(wanted), context);
      } finally {
        await log.close();
      }
    },
    next: ({ tags }) => {
      const [first = ""] = tags;
      return [
        {
          tool: "push_image",
          reason: "send it to its registry (name the registry in `target` if the tag does not)",
          arguments: { image: first },
        },
      ];
    },
    summarize: (result) =>
      result.would?.join("\n") ??
      [
        `${result.tags.join(", ")}: ${result.imageId}`,
        `${result.size} bytes in ${result.layers} layers; ${result.steps.length} steps, ${result.steps.filter(({ cached }) => cached).length} from the cache (${result.builder})`,
        ...result.warnings.map((text) => `warning: ${text}`),
      ].join("\n"),
  });

async function planBuild(folder: string, wanted: BuildInput, { profile }: Engine): Promise<z.input<typeof output>> {
  const { dockerfile } = await resolveContext(folder, wanted.dockerfile);
  checkDockerfile(await readFile(join(folder, dockerfile), "utf8"), wanted.target);
  const builder = profile.buildkit ? "buildkit" : "classic";
  return {
    imageId: null,
    tags: [],
    size: 0,
    layers: 0,
    steps: [],
    warnings: warnAboutArguments(wanted),
    baseImages: [],
    builder,
    log: null,
    would: [`build ${join(folder, dockerfile)} with ${builder} and tag it ${wanted.tags.join(", ")}`],
  };
}

function toOptions(wanted: BuildInput, context: ToolContext, onLog: (line: string) => void): BuildOptions {
  const { context: _folder, secrets: _secrets, tags, ...rest } = wanted;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...given, tags, signal: context.signal, onLog, onProgress: (progress) => context.report(progress) };
}

function describeBuild(
  built: BuildResult,
  warnings: readonly string[],
  { jobId }: ToolContext,
): z.input<typeof output> {
  return {
    imageId: built.imageId,
    tags: [...built.tags],
    size: built.size,
    layers: built.layers,
    steps: [...built.steps],
    warnings: [...built.warnings, ...warnings],
    baseImages: [...built.baseImages],
    builder: built.builder,
    log: jobId === null ? null : `job://${jobId}/log`,
  };
}

const SECRET_NAME = /password|passwd|secret|token|api_?key|private_?key|credential/i;

/** The values of these are masked in all that is told and kept; in the image's history they stay. */
function secretArguments({ buildArgs = {} }: BuildInput): readonly string[] {
  return Object.keys(buildArgs).filter((name) => SECRET_NAME.test(name));
}

function warnAboutArguments(wanted: BuildInput): string[] {
  return secretArguments(wanted).map(
    (name) => `the build argument ${name} looks like a secret, and stays readable in the image's history`,
  );
}

/** What the builder would refuse before its first step. @throws DOCKERFILE_INVALID */
function checkDockerfile(content: string, target: string | undefined): void {
  const { valid, findings, stages } = validateDockerfile(content);
  const first = findings.find(({ severity }) => severity === "error");
  if (!valid && first !== undefined) {
    throw fail("DOCKERFILE_INVALID", `the Dockerfile is not valid: line ${first.line}: ${first.message}`, {
      details: { line: first.line, column: first.column },
    });
  }
  if (
    target !== undefined &&
    !stages.some(({ name, index }) => name?.toLowerCase() === target.toLowerCase() || String(index) === target)
  ) {
    throw fail("DOCKERFILE_INVALID", `the Dockerfile has no stage ${target}`, { details: { target } });
  }
}
