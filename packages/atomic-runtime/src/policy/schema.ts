import { z } from "zod";
import { LONGEST_PATTERN } from "./glob.ts";

/** How bad a finding is, from the least to the worst. */
export const SEVERITIES = ["negligible", "low", "medium", "high", "critical"] as const;

const MOST = 200;

const pattern = z.string().trim().min(1).max(LONGEST_PATTERN);
const patterns = z.array(pattern).max(MOST);

const lists = z
  .strictObject({ allow: patterns.optional(), deny: patterns.optional() })
  .refine(
    ({ allow, deny }) => allow !== undefined || deny !== undefined,
    "says neither what is allowed nor what is denied",
  );

/** What may be demanded of an act: the same words at the top and in a rule of its own. */
const demands = {
  registries: lists
    .optional()
    .describe("Registries that may be read and written, e.g. registry.example.com, *.example.com."),
  baseImages: lists
    .optional()
    .describe("Images that a build may begin with, e.g. node:*-slim, registry.example.com/base/**."),
  requiredLabels: z
    .record(z.string().min(1).max(LONGEST_PATTERN), z.union([z.literal(true), pattern]))
    .optional()
    .describe("Labels that an image must have: true for any value, or a pattern."),
  nonRoot: z.boolean().optional().describe("Images must run as another user than root."),
  maxSeverity: z.enum(SEVERITIES).optional().describe("The worst finding that the last scan of an image may have."),
};

const rule = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9][\w. -]{0,63}$/, "a rule's name is a few words"),
    verbs: z
      .array(z.string().regex(/^[a-z]{1,32}$/, "a verb is one lower-case word, e.g. push"))
      .min(1)
      .max(32)
      .optional()
      .describe("Only for these acts: pull, push, tag, build, write, run, deploy."),
    tools: patterns.min(1).optional().describe("Only for these tools."),
    ...demands,
    forbid: z.literal(true).optional().describe("The acts that it is for are not allowed at all."),
    reason: z.string().max(500).optional().describe("Told with a refusal."),
  })
  .refine(
    ({ forbid, registries, baseImages, requiredLabels, nonRoot, maxSeverity }) =>
      [forbid, registries, baseImages, requiredLabels, nonRoot, maxSeverity].some((demand) => demand !== undefined),
    "demands nothing: give it forbid, registries, baseImages, requiredLabels, nonRoot or maxSeverity",
  );

/** What a policy may say, in the configuration and in a plugin: plain data. */
export const policyRulesSchema = z.strictObject({
  ...demands,
  readOnly: z.boolean().optional().describe("Refuse every act that changes anything."),
  rules: z.array(rule).max(MOST).optional().describe("Further rules, for some acts or tools only."),
});

/** Rules as plain data: the short forms, and rules of their own. */
export type PolicyRules = z.output<typeof policyRulesSchema>;

/** One rule of its own. */
export type PolicyRule = NonNullable<PolicyRules["rules"]>[number];
