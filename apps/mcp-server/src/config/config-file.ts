import { policyRulesSchema } from "@container-kit/atomic-runtime";
import { routingRuleSchema } from "@container-kit/context-sharing";
import { alertRuleProblems } from "@container-kit/observability";
import { z } from "zod";
import { isCredentialReference } from "./registry-credentials.ts";

/** How much is logged, from nothing to everything. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

const path = z.string().min(1).max(4096);

const plugin = z.strictObject({
  package: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      "Name of an installed package, or the path of its folder (./ or / first). Both start at this file's folder.",
    ),
  trusted: z
    .boolean()
    .optional()
    .describe(
      "Run it in the server's own process, with all that the server may. Default: false, in processes of its own.",
    ),
  integrity: z
    .string()
    .regex(/^sha256-[A-Za-z0-9+/]{43}=$/, "a sum is sha256-… as `container-kit plugins list` prints it")
    .optional()
    .describe("Sum of the package's files; other files are refused."),
  read: z
    .array(path)
    .max(64)
    .optional()
    .describe("Folders that it may read. Relative paths start at this file's folder."),
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/))
    .max(64)
    .optional()
    .describe("Environment variables that it gets."),
  network: z.boolean().optional().describe("Whether it may speak with the network. Default: false."),
  required: z
    .boolean()
    .optional()
    .describe("Whether every act is refused while it is not loaded, also before it was ever loaded. Default: false."),
  config: z.record(z.string(), z.json()).optional().describe("Settings for a plugin that is exported as a function."),
});

const alertRule = z.looseObject({
  kind: z.enum(["error_rate", "p95", "store_degraded", "queue_stuck", "circuit_open"]),
});

/** The rules are checked where they are judged; a problem begins with its path. */
const alertRules = z
  .record(z.string().max(64), z.union([z.literal(false), alertRule]))
  .superRefine((rules, context) => {
    for (const problem of alertRuleProblems(rules)) {
      const [path = "", ...message] = problem.split(" ");
      context.addIssue({ code: "custom", path: path.split(".").slice(1), message: message.join(" ") });
    }
  });

const routing = z.strictObject({
  autoFix: z
    .boolean()
    .optional()
    .describe("Whether a route may propose to change files, such as a new Dockerfile. Default: true."),
  budget: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe("Decisions about failures that belong together, before it is given up. Default: 8."),
  rules: z
    .array(routingRuleSchema)
    .max(200)
    .optional()
    .describe("Rules beside the defaults. One that bears the name of a default replaces it."),
  disabled: z.array(z.string().min(1).max(100)).max(200).optional().describe("Names of rules that are left out."),
});

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
    allowNetworkFileSystem: z
      .boolean()
      .optional()
      .describe(
        "Open the store although it lies on a network file system, where SQLite's locks may not hold: only where one machine alone uses it. Default: false.",
      ),
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
    plugins: z
      .array(plugin)
      .max(32)
      .optional()
      .describe("Plugins to load. Not in a file inside the repository that is worked on."),
    policy: policyRulesSchema
      .optional()
      .describe(
        "Rules that every act is judged by before it begins. The rules of all files count: none lifts another.",
      ),
    routing: routing
      .optional()
      .describe(
        "Where failures go next; `container-kit routing list` shows the rules. A file inside the repository may only switch autoFix off.",
      ),
    telemetry: z
      .strictObject({
        otlp: z
          .string()
          .max(2048)
          .regex(/^https?:\/\/\S+$/, "an OTLP endpoint is http(s)://HOST[:PORT]")
          .optional()
          .describe("Where traces and measurements are sent by OTLP over HTTP, e.g. http://localhost:4318."),
      })
      .optional()
      .describe("What is told to other programs about the calls. Nothing by default."),
    alerts: alertRules
      .optional()
      .describe(
        "Alert rules by name. One that bears the name of a default replaces it; false takes it away. docs/guides/observability.md lists them.",
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
