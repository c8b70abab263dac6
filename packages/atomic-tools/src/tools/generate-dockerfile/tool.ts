import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { generateDockerfile, nameForKept, writeDockerfile } from "@container-kit/build-strategy";
import type { GeneratedDockerfile } from "@container-kit/build-strategy";
import { z } from "zod";
import { judgeDockerfile } from "../../acts.ts";
import { buildArguments, producesDockerfile } from "../../context-types.ts";
import { warning, would } from "../../fields.ts";
import { noteFiles, restoreFiles } from "../../restore-files.ts";
import type { ToolServices } from "../../services.ts";

const candidate = z.object({ name: z.string(), score: z.number(), reasons: z.array(z.string()) });
const strategyShape = candidate.extend({ runnerUp: candidate.nullable() });

const input = z.object({
  path: z.string().min(1).max(4096),
  module: z.string().max(4096).optional().describe("of a monorepo"),
  strategy: z.string().max(100).optional().describe("name; template: the best new one"),
  baseImage: z.string().max(600).optional(),
  write: z.boolean().default(true),
  overwrite: z.boolean().optional(),
});

const output = z.object({
  strategy: strategyShape,
  dockerfile: z.object({ path: z.string(), content: z.string(), sha256: z.string() }),
  dockerignore: z.object({ path: z.string(), content: z.string() }),
  checks: z.array(z.object({ id: z.string(), ok: z.boolean(), message: z.string() })),
  score: z.number(),
  warnings: z.array(warning),
  context: z.string(),
  build: z.record(z.string(), z.string()).describe("arguments of build_image"),
  written: z.array(z.string()),
  would,
});

export const generateDockerfileTool = (services: ToolServices): ToolDefinition =>
  defineTool({
    name: "generate_dockerfile",
    title: "Generate Dockerfile",
    description:
      "Writes the Dockerfile and .dockerignore for a repository and scores them. A Dockerfile that is there is scored and kept; another `strategy` replaces it only with `overwrite`.",
    toolset: "build",
    input,
    output,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    acts: ({ write }) => ({ verb: write ? "write" : "read" }),
    run: async ({ path, write, overwrite = false, ...options }, context) => {
      const root = await services.paths.resolve(path);
      const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
      const generated = await generateDockerfile(root, given);
      const { strategy, dockerfile, dockerignore, checks, score, warnings } = generated;
      const found = {
        strategy: toPlain(strategy),
        dockerfile,
        dockerignore,
        checks: checks.map(({ id, ok, message }) => ({ id, ok, message })),
        score,
        warnings: [...warnings],
        context: generated.context,
        build: buildArguments(path, generated.context, dockerfile.path),
      };
      if (write && strategy.name !== "existing-dockerfile") judgeDockerfile(services, dockerfile.content, context);
      const keepAs = write && overwrite ? await nameForKept(root, generated) : null;
      if (context.dryRun || !write)
        return { ...found, written: [], ...(context.dryRun ? { would: planOf(generated, keepAs) } : {}) };
      const kept = keepAs === null ? {} : { [dockerfile.path]: keepAs };
      await noteFiles({ root, files: [dockerfile, dockerignore], kept }, services.redactor, context);
      const { written } = await writeDockerfile(root, generated, { overwrite, keepAs });
      return {
        ...found,
        ...(keepAs === null ? {} : { warnings: [...found.warnings, tellKept(dockerfile.path, keepAs)] }),
        written: [...written.map(({ path: file }) => file), ...(keepAs === null ? [] : [keepAs])],
      };
    },
    undo: restoreFiles,
    consumes: [{ type: "analysis", fills: { path: "path", module: "module" } }],
    produces: [producesDockerfile],
    next: ({ build }, { path }) => [
      {
        tool: "build_image",
        reason: "build it (choose the tags)",
        arguments: { ...build, tags: [suggestTag(path)] },
      },
    ],
    summarize: ({ strategy, dockerfile, score, checks, written, warnings }) =>
      [
        `${dockerfile.path} by strategy ${strategy.name} (${strategy.reasons.join("; ")}), score ${score} of 100`,
        written.length === 0 ? "nothing was written" : `written: ${written.join(", ")}`,
        ...checks.filter(({ ok }) => !ok).map(({ message }) => `not met: ${message}`),
        ...warnings.map(({ message }) => `warning: ${message}`),
      ].join("\n"),
  });

function toPlain({ name, score, reasons, runnerUp }: GeneratedDockerfile["strategy"]): z.input<typeof strategyShape> {
  return {
    name,
    score,
    reasons: [...reasons],
    runnerUp: runnerUp === null ? null : { ...runnerUp, reasons: [...runnerUp.reasons] },
  };
}

function tellKept(file: string, keptAs: string): z.input<typeof warning> {
  return { code: "DOCKERFILE_REPLACED", message: `The Dockerfile that was there is ${keptAs} now.`, file };
}

function planOf({ dockerfile, dockerignore, strategy }: GeneratedDockerfile, keepAs: string | null): string[] {
  if (strategy.name === "existing-dockerfile") return [`keep ${dockerfile.path} as it is`];
  const kept = keepAs === null ? [] : [`keep the Dockerfile that is there as ${keepAs}`];
  return [`write ${dockerfile.path} and ${dockerignore.path}`, ...kept];
}

/** The folder's name as a repository, for an agent that has nothing better. */
function suggestTag(path: string): string {
  const name = path
    .split("/")
    .findLast((part) => /[a-z0-9]/i.test(part))
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return `${name === undefined || name === "" ? "app" : name}:latest`;
}
