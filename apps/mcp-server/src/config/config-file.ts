import { z } from "zod";
import { isCredentialReference } from "./registry-credentials.ts";

/** How much is logged, from nothing to everything. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

const path = z.string().min(1).max(4096);

/** What a `container-kit.yaml` may say. Every key is optional. */
export const configFileSchema = z
  .strictObject({
    roots: z
      .array(path)
      .max(64)
      .optional()
      .describe(
        "Folders that tools may read and write. Relative paths start at this file's folder, ~/ at the home directory.",
      ),
    toolsets: z
      .array(z.string().regex(/^[a-z]{1,32}$/, "a toolset is one lower-case word, e.g. build"))
      .max(32)
      .optional()
      .describe("The toolsets that the server offers. All that are served by default when absent."),
    readOnly: z.boolean().optional().describe("Offer only tools that change nothing."),
    logLevel: z.enum(LOG_LEVELS).optional().describe("How much is logged on stderr. Default: warn."),
    store: z
      .string()
      .regex(/^(?:sqlite:.+|postgres(?:ql)?:\/\/.+)$/, "a store is sqlite:PATH or postgres://…")
      .optional()
      .describe("Where the durable record is kept. Default: sqlite:<state folder>/state.db."),
    baseImages: z
      .record(z.string().min(1).max(512), z.string().min(1).max(512))
      .optional()
      .describe(
        "Base images to use in place of the ones that a Dockerfile names, e.g. node:20-slim: mirror/node:20-slim.",
      ),
    registryCredentials: z
      .array(
        z
          .string()
          .max(4096)
          .refine(
            isCredentialReference,
            "a reference is [REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE or [REGISTRY=]file:PATH",
          ),
      )
      .max(64)
      .optional()
      .describe(
        "References to registry credentials, never the credentials: [REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE or [REGISTRY=]file:PATH. They win over the docker configuration. Only in the user's own file.",
      ),
  })
  .meta({
    title: "container-kit.yaml",
    description: "Configuration of Container Kit. Flags and environment variables go before it.",
  });

/** The parsed content of a `container-kit.yaml`. */
export type ConfigFile = z.output<typeof configFileSchema>;

/** The JSON Schema of `container-kit.yaml`, for editors; published as docs/container-kit.schema.json. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configFileSchema, { target: "draft-2020-12", io: "input" });
}
