import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { analyzeRepository } from "@container-kit/build-strategy";
import { z } from "zod";
import { producesAnalysis } from "../../context-types.ts";
import { warning } from "../../fields.ts";
import type { ToolServices } from "../../services.ts";

const text = z.string().nullable();

const sourceModule = z.object({
  path: z.string(),
  name: text,
  version: text,
  kind: z.string(),
  platform: z.string(),
  language: z.string(),
  languageVersion: z.object({ value: z.string(), source: z.string() }),
  framework: text,
  packageManager: text,
  buildCommand: text,
  startCommand: text,
  entrypoint: text,
  ports: z.array(z.object({ port: z.int(), source: z.string() })),
  healthPath: text,
  lockfile: text,
  dependenciesCount: z.int(),
});

export const analyzeRepositoryTool = ({ paths }: ToolServices): ToolDefinition =>
  defineTool({
    name: "analyze_repository",
    title: "Analyze repository",
    description:
      "Reads a source tree and tells its modules: platform, language, framework, package manager, commands, ports, and where each was read. First step of a containerization.",
    toolset: "build",
    input: z.object({
      path: z.string().min(1).max(4096),
      module: z.string().max(4096).optional().describe("only this one of a monorepo"),
    }),
    output: z.object({
      modules: z.array(sourceModule),
      monorepo: z.object({ tool: z.string() }).nullable(),
      existing: z.object({ dockerfiles: z.array(z.string()), composeFiles: z.array(z.string()) }),
      warnings: z.array(warning),
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    produces: [producesAnalysis],
    run: async ({ path, module }) => {
      const { modules, monorepo, existing, warnings } = await analyzeRepository(
        await paths.resolve(path),
        module === undefined ? {} : { module },
      );
      return {
        modules: modules.map((found) => ({
          ...found,
          version: found.node.version,
          healthPath: found.node.healthPath,
          ports: [...found.ports],
        })),
        monorepo,
        existing: { dockerfiles: [...existing.dockerfiles], composeFiles: [...existing.composeFiles] },
        warnings: [...warnings],
      };
    },
    next: (_result, { path, module }) => [
      {
        tool: "generate_dockerfile",
        reason: "write the Dockerfile, or score the one that is there",
        arguments: { path, ...(module === undefined ? {} : { module }) },
      },
    ],
    summarize: ({ modules, monorepo, existing, warnings }) =>
      [
        ...(monorepo === null ? [] : [`monorepo (${monorepo.tool}) of ${modules.length} modules`]),
        ...modules.map(
          ({ path, language, languageVersion, framework, packageManager, startCommand, ports }) =>
            `${path}: ${language} ${languageVersion.value}, ${framework ?? "no framework"}, ${packageManager ?? "no package manager"}, starts ${startCommand ?? "unknown"}, ports ${ports.map(({ port }) => port).join(", ") || "unknown"}`,
        ),
        ...existing.dockerfiles.map((file) => `has ${file}`),
        ...warnings.map(({ message }) => `warning: ${message}`),
      ].join("\n"),
  });
