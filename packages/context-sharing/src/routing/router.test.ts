import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyFailure, anyRules } from "../../test/routing/arbitrary.ts";
import { createRouter } from "./router.ts";
import type { Failure, FailureChain, Router, RoutingRule } from "./types.ts";

const FAILURE: Failure = {
  tool: "build_image",
  error: { code: "BUILD_FAILED", category: "build", retryable: false, message: "it broke", details: { step: 2 } },
  input: { context: "/app", tags: ["a:1"] },
  autoFix: true,
};

const base = (name: string, more: object = {}) =>
  ({ name, priority: 10, reason: "Because.", action: "fail", ...more }) as RoutingRule;

/** Decides on the same failure until something is given up, or nothing said. */
function exhaust(router: Router, failure: Failure, chain?: FailureChain): string[] {
  const decision = router.decide(failure, chain);
  if (decision === null) return ["null"];
  if (decision.action === "fail") return [decision.rule];
  return [decision.rule, ...exhaust(router, failure, router.after(chain, failure, decision))];
}

test("the lowest priority decides, and of equals the one that was loaded first", () => {
  const rules = [base("late", { priority: 20 }), base("one"), base("other")];
  const router = createRouter({ rules });
  expect(router.rules.map(({ name }) => name)).toEqual(["one", "other", "late"]);
  expect(router.decide(FAILURE)?.rule).toBe("one");
});

test.each<[string, Partial<RoutingRule>, Partial<Failure>]>([
  ["another tool", { fromTool: ["push_image"] }, {}],
  ["another code", { errorCodes: ["AUTH_FAILED"] }, {}],
  ["another category", { categories: ["registry"] }, {}],
  ["a code that fits and a category that does not", { errorCodes: ["BUILD_FAILED"], categories: ["engine"] }, {}],
  ["a first attempt where a later one is asked", { when: { attempts: { atLeast: 1 } } }, {}],
  ["less severity", { when: { severity: { atLeast: "high" } } }, { severity: "medium" }],
  ["a severity that nobody knows", { when: { severity: { atLeast: "low" } } }, {}],
  ["forbidden mending", { when: { autoFix: true } }, { autoFix: false }],
  ["an argument of another value", { when: { input: { context: ["/other", null] } } }, {}],
  ["an argument that was not given", { when: { input: { dockerfile: ["Dockerfile"] } } }, {}],
  ["a label of another value", { when: { labels: { team: "a" } } }, { labels: { team: "b" } }],
  ["an error that does not pass by itself", { when: { retryable: true } }, {}],
])("a rule does not apply to %s", (_what, rule, failure) => {
  const router = createRouter({ rules: [base("a", rule)] });
  const { decision, rules } = router.explain({ ...FAILURE, ...failure });
  expect(decision).toBeNull();
  expect(rules[0]).toMatchObject({ applies: false, decides: false });
});

test("the worst of the findings that an error counts is its severity", () => {
  const router = createRouter({ rules: [base("a", { when: { severity: { atLeast: "high" } } })] });
  const found = (details: Record<string, unknown>) =>
    router.decide({ ...FAILURE, error: { ...FAILURE.error, details } })?.rule;
  expect(found({ summary: { critical: 0, high: 2, low: 9 } })).toBe("a");
  expect(found({ severity: "critical" })).toBe("a");
  expect(found({ summary: { critical: 0, high: 0, low: 9 } })).toBeUndefined();
});

test("a route is used once on a cause, a repetition as often as its policy says, and then it is said that nothing is left", () => {
  const rules = [
    base("again", { priority: 1, action: "retry", retry: { attempts: 2 } }),
    base("look", { priority: 2, action: "route", toTool: "server_status" }),
  ];
  const router = createRouter({ rules });
  expect(exhaust(router, FAILURE)).toEqual(["again", "again", "look", "nothing-left"]);
});

test("a failure that no rule knows is said to be the end only where something was tried", () => {
  const rules = [base("look", { action: "route", toTool: "server_status", fromTool: "build_image" })];
  const router = createRouter({ rules });
  const step: Failure = { ...FAILURE, tool: "server_status" };
  expect(router.decide(step)).toBeNull();
  const chain = router.after(undefined, FAILURE, router.decide(FAILURE) ?? { rule: "", action: "fail", reason: "" });
  expect(router.decide(step, chain)).toMatchObject({ rule: "nothing-left", action: "fail" });
  expect(router.decide(step, chain)?.reason).toContain("build_image BUILD_FAILED (look)");
});

test("the budget of a chain ends it, and giving up by a rule costs none of it", () => {
  const rules = Array.from({ length: 6 }, (_, at) => base(`r-${at}`, { action: "route", toTool: "server_status" }));
  expect(exhaust(createRouter({ rules, budget: 3 }), FAILURE)).toEqual(["r-0", "r-1", "r-2", "chain-budget"]);
  const last = [...rules.slice(0, 3), base("stop", { priority: 11 })];
  expect(exhaust(createRouter({ rules: last, budget: 3 }), FAILURE).at(-1)).toBe("stop");
});

test("a repetition proposes the same call after pauses that grow, and never earlier than the error asks", () => {
  const retry = { attempts: 3, firstPauseMs: 100, longestPauseMs: 250 };
  const rules = [base("again", { action: "retry", retry })];
  const pauses = (router: Router, failure: Failure) => {
    const found: (number | undefined)[] = [];
    let chain: FailureChain | undefined;
    for (let decision = router.decide(failure); decision?.action === "retry";) {
      expect(decision).toMatchObject({ toTool: "build_image", arguments: FAILURE.input });
      found.push(decision.afterMs);
      chain = router.after(chain, failure, decision);
      decision = router.decide(failure, chain);
    }
    return found;
  };
  expect(pauses(createRouter({ rules }), FAILURE)).toEqual([100, 200, 250]);
  expect(pauses(createRouter({ rules, random: () => 0.5 }), FAILURE)).toEqual([125, 250, 313]);
  const asked = { ...FAILURE, error: { ...FAILURE.error, details: { retryAfterMs: 9000 } } };
  expect(pauses(createRouter({ rules }), asked)).toEqual([9000, 9000, 9000]);
});

test("what nobody tells of a failure is what the contract says of its code, and that files may be changed", () => {
  const rules = [
    base("by-category", { categories: ["session"], when: { retryable: true, autoFix: true } }),
    base("late", { priority: 20, errorCodes: ["BUILD_FAILED"] }),
  ];
  const router = createRouter(rules);
  expect(router.decide({ tool: "get_job", error: { code: "STORE_BUSY" } })?.rule).toBe("by-category");
  expect(router.decide({ tool: "get_job", error: { code: "STORE_FULL" } })).toBeNull();
  expect(router.decide({ tool: "get_job", error: { code: "NOBODYS_CODE" } })).toBeNull();
  expect(router.decide({ tool: "get_job", error: { code: "BUILD_FAILED", retryable: true } })?.rule).toBe("late");
});

test("repetitions that the caller counts itself count, where there is no chain", () => {
  const rules = [
    base("again", { action: "retry", retry: { attempts: 2, firstPauseMs: 100 } }),
    base("first", { priority: 20, when: { attempts: { atMost: 2 } } }),
  ];
  const router = createRouter({ rules });
  const decide = (attempts: number) => router.decide({ ...FAILURE, attempts });
  expect(decide(1)).toMatchObject({ rule: "again", afterMs: 200 });
  expect(decide(2)).toMatchObject({ rule: "first" });
  expect(decide(3)).toBeNull();
});

test("what is no failure, no chain or no list of rules is said as that", () => {
  const router = createRouter();
  const decide = router.decide as (failure?: unknown, chain?: unknown) => unknown;
  for (const given of [undefined, null, "BUILD_FAILED", { error: FAILURE.error }, { tool: "a" }])
    expect(() => decide(given)).toThrow("expected a failure such as");
  expect(() => decide(FAILURE, [])).toThrow("expected a chain");
  expect(decide(FAILURE, null)).toEqual(decide(FAILURE));
  expect(() => createRouter({ rules: {} as unknown[] })).toThrow("expected rules to be a list");
});

test("a route to a tool that cannot be called here does not apply, and the explanation says so", () => {
  const router = createRouter({
    rules: [base("look", { action: "route", toTool: "server_status" })],
    serves: (tool) => tool !== "server_status",
  });
  const { decision, rules } = router.explain(FAILURE);
  expect(decision).toBeNull();
  expect(rules[0]?.because).toContain("tools: server_status cannot be called here");
});

test("the tools that a chain may hear of are those that act or are routed to", () => {
  const rules = [
    base("a", { fromTool: "build_image", action: "route", toTool: "server_status" }),
    base("b", { fromTool: "push_image" }),
  ];
  const router = createRouter({ rules });
  const mentioned = ["build_image", "server_status", "push_image", "get_job"].filter((tool) => router.mentions(tool));
  expect(mentioned).toEqual(["build_image", "server_status"]);
  const any = createRouter({ rules: [base("c", { action: "ignore" })] });
  expect(any.mentions("get_job")).toBe(true);
});

describe("whatever the rules are", () => {
  test("the same failure and chain are decided alike, and the explanation says what was decided", () => {
    fc.assert(
      fc.property(anyRules, fc.array(anyFailure, { maxLength: 20 }), (rules, failures) => {
        const [router, twin] = [createRouter({ rules }), createRouter({ rules: structuredClone(rules) })];
        let chain: FailureChain | undefined;
        for (const failure of failures) {
          const decision = router.decide(failure, chain);
          expect(twin.decide(structuredClone(failure), structuredClone(chain))).toEqual(decision);
          const explained = router.explain(failure, chain);
          expect(explained.decision).toEqual(decision);
          const deciding = explained.rules.filter(({ decides }) => decides).map(({ rule }) => rule);
          const isOwn = decision === null || ["chain-budget", "nothing-left"].includes(decision.rule);
          expect(deciding).toEqual(isOwn ? [] : [decision.rule]);
          if (decision !== null) chain = router.after(chain, failure, decision);
        }
      }),
      { numRuns: 200 },
    );
  });
});
