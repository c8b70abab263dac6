/** Rules and failures for property tests: few names, so that they meet, and nothing that makes sense. */
import * as fc from "fast-check";
import type { Failure, RoutingRule } from "../../src/routing/types.ts";

const TOOLS = ["build_image", "push_image", "analyze_repository", "generate_dockerfile"];
const CODES = ["BUILD_FAILED", "AUTH_FAILED", "ENGINE_TIMEOUT"];
const CATEGORIES = ["build", "registry", "engine"];

const tool = fc.constantFrom(...TOOLS);
const mapping = fc.constantFrom<Record<string, unknown>>(
  { path: "${input.path}" },
  { "...": "${input}" },
  { path: "${error.details.path | session.id}" },
  {},
);
const step = fc.record({ tool, arguments: mapping, reason: fc.constant("Goes on.") });

const action = fc.oneof(
  fc.record({
    action: fc.constant("route" as const),
    toTool: tool,
    arguments: mapping,
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: fc.array(step, { maxLength: 3 }),
  }),
  fc.record({
    action: fc.constant("retry" as const),
    retry: fc.record({ attempts: fc.integer({ min: 1, max: 10 }) }),
  }),
  fc.constant({ action: "fail" as const }),
  fc.constant({ action: "ignore" as const }),
);

const scope = fc.record(
  {
    fromTool: fc.oneof(tool, fc.uniqueArray(tool, { minLength: 1 })),
    errorCodes: fc.uniqueArray(fc.constantFrom(...CODES), { minLength: 1 }),
    categories: fc.uniqueArray(fc.constantFrom(...CATEGORIES), { minLength: 1 }),
    when: fc.record(
      {
        attempts: fc.record(
          { atLeast: fc.integer({ min: 0, max: 2 }), atMost: fc.integer({ min: 0, max: 4 }) },
          { requiredKeys: [] },
        ),
        autoFix: fc.boolean(),
        retryable: fc.boolean(),
        labels: fc.constant({ team: "a" }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** Any rules, with names of their own. */
export const anyRules: fc.Arbitrary<readonly RoutingRule[]> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 5 }), scope, action), { maxLength: 8 })
  .map((parts) =>
    parts.map(([priority, asked, does], at) => ({
      name: `rule-${at}`,
      priority,
      reason: "Because of chance.",
      ...asked,
      ...does,
    })),
  );

/** Any failure. */
export const anyFailure: fc.Arbitrary<Failure> = fc
  .record({
    tool,
    at: fc.nat({ max: CODES.length - 1 }),
    retryable: fc.boolean(),
    autoFix: fc.boolean(),
    path: fc.constantFrom("/a", "/b"),
    labels: fc.constantFrom<Record<string, string>>({}, { team: "a" }),
  })
  .map(({ tool: name, at, retryable, autoFix, path, labels }) => ({
    tool: name,
    error: { code: CODES[at] ?? "", category: CATEGORIES[at] ?? "", retryable, details: { path } },
    input: { path },
    autoFix,
    labels,
  }));
