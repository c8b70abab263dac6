import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { DEADLINES } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import { registryName, texts } from "../../fields.ts";
import { describeIdentity } from "../../login.ts";
import { readRegistry, readRepository } from "../../registry-name.ts";
import type { ToolServices } from "../../services.ts";

export const validateCredentialsTool = ({ checkLogin }: ToolServices): ToolDefinition =>
  defineTool({
    name: "validate_credentials",
    title: "Validate credentials",
    description:
      "Asks a registry whether it accepts the credentials that push_image and pull_image would use, and where they come from. Not valid is a result, not an error.",
    toolset: "image",
    input: z.object({
      registry: registryName.describe("host[:port], docker.io for Docker Hub"),
      repository: registryName.optional().describe("also ask for its rights"),
    }),
    output: z.object({
      registry: z.string(),
      source: z.enum(["explicit", "helper", "store", "file", "none"]),
      username: z.string().optional(),
      valid: z.boolean(),
      reason: z.string(),
      scopes: texts.optional(),
      warnings: texts,
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    deadlineMs: DEADLINES.inspect + 5000,
    concurrency: 8,
    retry: { attempts: 2 },
    target: ({ registry }) => registryOf(registry),
    acts: ({ registry }) => ({ verb: "login", registries: [readRegistry(registry)] }),
    run: async (input, { signal }) => {
      const registry = readRegistry(input.registry);
      const repository = input.repository === undefined ? undefined : readRepository(registry, input.repository);
      const { scopes, warnings, ...login } = await checkLogin(registry, {
        signal,
        ...(repository === undefined ? {} : { repository }),
      });
      return { ...login, warnings: [...warnings], ...(scopes === undefined ? {} : { scopes: [...scopes] }) };
    },
    summarize: ({ registry, valid, reason, scopes, warnings, ...who }) =>
      [
        `${registry} ${valid ? "accepts" : "does not accept"} us ${describeIdentity(who)}: ${reason}`,
        ...(scopes ?? []).map((scope) => `granted: ${scope}`),
        ...warnings.map((text) => `warning: ${text}`),
      ].join("\n"),
  });

/** Undefined where it names none, which the run says. */
function registryOf(text: string): string | undefined {
  try {
    return readRegistry(text);
  } catch (error) {
    if (isKitError(error, "INVALID_INPUT")) return undefined;
    throw error;
  }
}
