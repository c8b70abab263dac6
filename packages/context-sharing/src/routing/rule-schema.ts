/** What a routing rule is in a configuration, a plugin and the code: plain data. */
import { z } from "zod";
import { mappingProblems } from "./mapping.ts";
import type { Root } from "./mapping.ts";
import type { RoutingRule } from "./types.ts";

/** From the best to the worst, for whoever compares them. */
export const SEVERITIES = ["unknown", "negligible", "low", "medium", "high", "critical"] as const;

/** Rules that the router decides by without being given them. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(["chain-budget", "nothing-left"]);

/** No rule twice for a cause, and a budget for a chain: more repetitions than this are never given. */
const MOST_ATTEMPTS = 10;
const MOST_NAMES = 200;
const DAY_MS = 86_400_000;

const line = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}]*$/u, "is one line");

const tool = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "a tool's name is snake_case");
const code = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "a code is SCREAMING_SNAKE_CASE");
const category = z.string().regex(/^[a-z]{1,32}$/, "a category is one lower-case word");
const names = (name: z.ZodString) => z.array(name).min(1).max(MOST_NAMES);

/** References are checked here, so that a rule whose arguments cannot be made is never loaded. */
function mapping(roots: readonly Root[]) {
  return z.record(z.string().min(1).max(100), z.unknown()).superRefine((value, context) => {
    for (const { path, message } of mappingProblems(value, roots))
      context.addIssue({ code: "custom", path: [...path], message });
  });
}

const count = z.int().min(0).max(1000);

const when = z.strictObject({
  attempts: z
    .strictObject({ atLeast: count.optional(), atMost: count.optional() }, "is an object such as {atMost: 0}")
    .optional()
    .describe("How often this cause was decided on before in its chain; of several errorCodes, any of them."),
  severity: z
    .strictObject({ atLeast: z.enum(SEVERITIES) }, 'is an object such as {atLeast: "high"}')
    .optional()
    .describe("The failure is at least so bad; one whose severity nobody knows is not."),
  autoFix: z.boolean().optional().describe("Whether tools may change the user's files to mend what failed."),
  input: z
    .record(
      z.string().min(1).max(100),
      z.array(z.union([z.string().max(300), z.number(), z.boolean(), z.null()])).min(1),
    )
    .optional()
    .describe("Arguments of the failed call, each one of these values; null: it was not given."),
  labels: z.record(z.string().min(1).max(300), z.string().max(300)).optional().describe("The session's, all of them."),
  retryable: z.boolean().optional().describe("Whether the error says that a retry may help."),
});

const shared = {
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "a rule's name is kebab-case")
    .refine((name) => !RESERVED_NAMES.has(name), "is a name of the router's own")
    .describe("Unique; one that bears the name of a default replaces it."),
  priority: z.int().min(0).max(1000).describe("Lower goes first; of equals, the one that was loaded first."),
  fromTool: z
    .union([tool, names(tool)])
    .optional()
    .describe("Tools whose failures it is about; default: all."),
  errorCodes: names(code).optional(),
  categories: names(category).optional(),
  when: when.optional().describe("All that is named must hold."),
  reason: line.describe("Why, in one sentence for who reads the decision."),
};

const FIRST: readonly Root[] = ["input", "error", "session"];

const step = z.strictObject({
  tool,
  arguments: mapping([...FIRST, "result"]).optional(),
  reason: line,
});

const pause = z.int().min(1).max(DAY_MS);

const schema = z.discriminatedUnion("action", [
  z.strictObject({
    ...shared,
    action: z.literal("route"),
    toTool: tool,
    arguments: mapping(FIRST)
      .optional()
      .describe("Plain data; a text that is ${input.x}, ${error.x} or ${session.id} as a whole is replaced."),
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: z
      .array(step)
      .max(8)
      .optional()
      .describe("What follows when that tool has succeeded; may also refer to ${result.x}."),
  }),
  z.strictObject({
    ...shared,
    action: z.literal("retry"),
    retry: z.strictObject({
      attempts: z.int().min(1).max(MOST_ATTEMPTS),
      firstPauseMs: pause.optional().describe("Default 1000."),
      longestPauseMs: pause.optional().describe("Default 30000."),
    }),
  }),
  z.strictObject({ ...shared, action: z.literal("fail") }),
  z.strictObject({ ...shared, action: z.literal("ignore") }),
]);

// The cast says what the parser does and its type does not: a member that is absent stays absent.
const typed = schema as unknown as z.ZodType<RoutingRule>;

/** One rule as plain data. What its names mean is checked where it is loaded: `createRouter`, `mergeRoutingRules`. */
export const routingRuleSchema: z.ZodType<RoutingRule> = typed;
