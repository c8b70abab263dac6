import { isKitError } from "@container-kit/errors";
import { expect, test } from "vitest";
import { z } from "zod";
import { defaultRoutingRules } from "./default-rules.ts";
import { mergeRoutingRules } from "./merge-rules.ts";
import { createRouter } from "./router.ts";
import { routingRuleSchema } from "./rule-schema.ts";
import type { RoutingRule } from "./types.ts";

const RULE = { name: "a-rule", priority: 5, action: "fail", reason: "Because." } as const;

/** The issues of the refusal. */
function refused(load: () => unknown): readonly Record<string, unknown>[] {
  try {
    load();
  } catch (error) {
    if (!isKitError(error, "INVALID_INPUT")) throw error;
    return error.details?.["issues"] as readonly Record<string, unknown>[];
  }
  throw new Error("it was not refused");
}

test("names that nobody has are refused, all at once, each with its rule, its path and the nearest known name", () => {
  const rules = [
    { ...RULE, fromTool: "build" },
    { ...RULE, name: "b", fromTool: ["push_image", "push-image"], errorCodes: ["BUILD_FAILD"] },
    { ...RULE, name: "c", categories: ["engines"], action: "route", toTool: "bild_image" },
    {
      ...RULE,
      name: "d",
      action: "route",
      toTool: "get_job",
      // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data
      then: [{ tool: "nobodys_tool", reason: "x" }],
    },
  ];
  expect(refused(() => createRouter({ rules }))).toEqual([
    { rule: "b", path: "rules[1].fromTool[1]", message: "a tool's name is snake_case" },
    { rule: "a-rule", path: "rules[0].fromTool", message: "there is no tool build" },
    { rule: "c", path: "rules[2].categories[0]", message: "there is no category engines; did you mean engine?" },
    { rule: "c", path: "rules[2].toTool", message: "there is no tool bild_image; did you mean build_image?" },
    { rule: "d", path: "rules[3].then[0].tool", message: "there is no tool nobodys_tool" },
  ]);
  const codes = refused(() => createRouter({ rules: [{ ...RULE, errorCodes: ["BUILD_FAILD"] }] }));
  expect(codes[0]?.["message"]).toBe("there is no error code BUILD_FAILD; did you mean BUILD_FAILED?");
});

test("tools and codes of plugins are known where they are told", () => {
  const rules = [{ ...RULE, fromTool: "my_tool", errorCodes: ["MY_CODE"] }];
  expect(createRouter({ rules, tools: ["my_tool"], codes: ["MY_CODE"] }).rules).toEqual(rules);
});

test.each([
  ["a member that nobody reads", { ...RULE, errorCode: ["X"] }, "is no member of a rule; did you mean errorCodes?"],
  ["a member of another kind of rule", { ...RULE, toTool: "get_job" }, "has no place here"],
  ["a bare severity", { ...RULE, when: { severity: "high" } }, 'is an object such as {atLeast: "high"}'],
  ["a bare number of attempts", { ...RULE, when: { attempts: 0 } }, "is an object such as {atMost: 0}"],
  ["an action that is none", { ...RULE, action: "ROUTE" }, "expected 'route' | 'retry'"],
  ["no action", { ...RULE, action: undefined }, ""],
  ["a priority out of bounds", { ...RULE, priority: 1001 }, "1000"],
  ["a name of the router's own", { ...RULE, name: "nothing-left" }, "router's own"],
  ["a reason of two lines", { ...RULE, reason: "a\nb" }, "one line"],
  ["too many repetitions", { ...RULE, action: "retry", retry: { attempts: 11 } }, "10"],
  [
    "a first call that wants a result",
    { ...RULE, action: "route", toTool: "get_job", arguments: { jobId: "${result.x}" } },
    "begins with one of input, error, session",
  ],
  ["nothing at all", null, ""],
])("a rule with %s is refused", (_what, rule, message) => {
  const [issue] = refused(() => createRouter({ rules: [rule] }));
  expect(issue?.["message"]).toContain(message);
});

test("a rule without a name is given one of what it says, each its own", () => {
  const { name: _none, ...nameless } = { ...RULE, errorCodes: ["BUILD_FAILED"] };
  const look = { ...nameless, action: "route", toTool: "server_status" };
  const names = createRouter([nameless, look, nameless, { ...RULE, name: "build-failed-fail-2" }, nameless]);
  expect(names.rules.map(({ name }) => name)).toEqual([
    "build-failed-fail",
    "build-failed-to-server-status",
    "build-failed-fail-3",
    "build-failed-fail-2",
    "build-failed-fail-4",
  ]);
  const merged = mergeRoutingRules(names.rules, { source: "plugin x", rules: [nameless] });
  expect(merged.at(-1)?.name).toBe("build-failed-fail-5");
});

test("two rules of one name are refused, and a budget that is none", () => {
  expect(refused(() => createRouter({ rules: [RULE, RULE] }))[0]?.["message"]).toBe("2 rules have this name");
  expect(() => createRouter({ budget: 0 })).toThrow("budget");
});

test("a rule is published as JSON Schema, which knows every member", () => {
  const json = JSON.stringify(z.toJSONSchema(z.array(routingRuleSchema)));
  for (const member of ["fromTool", "errorCodes", "toTool", "then", "retry", "severity"])
    expect(json).toContain(member);
});

test("a later source replaces by name in place, adds, and disables what was there before it", () => {
  const defaults: readonly RoutingRule[] = [RULE, { ...RULE, name: "b" }, { ...RULE, name: "c" }];
  const merged = mergeRoutingRules(
    defaults,
    {
      source: "plugin x",
      rules: [
        { ...RULE, reason: "Other." },
        { ...RULE, name: "d" },
      ],
    },
    { source: "/etc/container-kit.yaml", rules: [{ ...RULE, name: "b", priority: 1 }], disabled: ["b", "c"] },
  );
  expect(merged.map(({ name, priority, reason }) => [name, priority, reason])).toEqual([
    ["a-rule", 5, "Other."],
    ["d", 5, "Because."],
    ["b", 1, "Because."],
  ]);
});

test("a refusal names the source of the rule, when it is merged and when its names are looked up", () => {
  const issues = refused(() =>
    mergeRoutingRules(defaultRoutingRules, {
      source: "/etc/container-kit.yaml",
      rules: [{ ...RULE, priority: "high" }],
      disabled: ["repair-dockerfil"],
    }),
  );
  expect(issues).toMatchObject([
    { source: "/etc/container-kit.yaml", rule: "a-rule", path: "rules[0].priority" },
    { source: "/etc/container-kit.yaml", path: "disabled[0]", message: expect.stringContaining("repair-dockerfile?") },
  ]);
  // Where it stands in the plugin, not among all.
  const rules = mergeRoutingRules(defaultRoutingRules, {
    source: "plugin x",
    rules: [{ ...RULE, fromTool: "no_tool" }],
  });
  expect(() => createRouter({ rules })).toThrow("rule a-rule of plugin x, rules[0].fromTool: there is no tool no_tool");
});
