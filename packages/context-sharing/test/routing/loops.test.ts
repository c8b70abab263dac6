/**
 * No sequence of failures goes round for ever, whatever the rules are, and whether or not their decisions are followed.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyFailure, anyRules } from "./arbitrary.ts";
import type { Failure, RoutingDecision } from "../../src/routing/types.ts";
import { failed, makeFolder, openContext, openRouting, succeeded } from "./sharing.ts";

const BUDGET = 5;

interface Turn {
  readonly failure: Failure;
  /** Whether the agent calls what was proposed, else it calls what it likes. */
  readonly follows: boolean;
  readonly succeeds: boolean;
}

const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    failure: anyFailure,
    follows: fc.boolean(),
    succeeds: fc.integer({ min: 0, max: 5 }).map((at) => at === 0),
  }),
  { minLength: 10, maxLength: 40 },
);

test("between two successes of what began a chain at most its budget of decisions leads anywhere, none twice by one route", async () => {
  const context = await openContext(await makeFolder());
  let acted = 0;
  let run = 0;
  await fc.assert(
    fc.asyncProperty(anyRules, turns, async (rules, played) => {
      run += 1;
      const sessionId = `ses_${run}`;
      const { routing, told } = await openRouting({ rules, budget: BUDGET }, context);
      const once = new Set(
        rules.filter(({ action }) => action === "route" || action === "ignore").map(({ name }) => name),
      );
      /** By chain: the decisions since its origin last succeeded. */
      const decided = new Map<string, string[]>();
      let proposed: { readonly tool: string; readonly input: Record<string, unknown> } | undefined;
      for (const { failure, follows, succeeds } of played) {
        const call = follows && proposed !== undefined ? proposed : { tool: failure.tool, input: { ...failure.input } };
        if (succeeds) {
          const next = await routing.succeeded({ ...succeeded(call.tool, call.input, { path: "/a" }), sessionId });
          decided.delete(`${call.tool} ${String(call.input["path"])}`);
          proposed = next === null ? undefined : { tool: next.tool, input: { ...next.arguments } };
          continue;
        }
        const before = told.length;
        const { error, autoFix, labels = {} } = failure;
        const given = { ...failed(call.tool, error.code, call.input), error, autoFix, labels, sessionId };
        const decision: RoutingDecision | null = await routing.failed(given);
        expect(told.length - before).toBe(decision === null ? 0 : 1);
        proposed =
          decision?.toTool === undefined ? undefined : { tool: decision.toTool, input: { ...decision.arguments } };
        if (decision === null || decision.action === "fail") continue;
        acted += 1;
        const { chain, cause } = told.at(-1)?.data ?? {};
        const list = decided.get(String(chain)) ?? [];
        const use = `${decision.rule} on ${String(cause)}`;
        if (once.has(decision.rule)) expect(list).not.toContain(use);
        list.push(use);
        decided.set(String(chain), list);
        expect(list.length).toBeLessThanOrEqual(BUDGET);
      }
    }),
    { numRuns: 60 },
  );
  expect(acted).toBeGreaterThan(100);
});

test("an agent that follows every decision of a session in which everything fails comes to an end", async () => {
  const context = await openContext(await makeFolder());
  let run = 0;
  await fc.assert(
    fc.asyncProperty(anyRules, anyFailure, async (rules, first) => {
      run += 1;
      const sessionId = `ses_${run}`;
      const { routing } = await openRouting({ rules, budget: BUDGET }, context);
      let call: { readonly tool: string; readonly input: Record<string, unknown> } | undefined = {
        tool: first.tool,
        input: { ...first.input },
      };
      for (let made = 0; call !== undefined; made += 1) {
        // Each of four tools may begin one chain on each of four subjects.
        expect(made).toBeLessThanOrEqual(16 * (BUDGET + 1));
        const given = { ...failed(call.tool, first.error.code, call.input), error: first.error, sessionId };
        const decision: RoutingDecision | null = await routing.failed(given);
        call = decision?.toTool === undefined ? undefined : { tool: decision.toTool, input: { ...decision.arguments } };
      }
    }),
    { numRuns: 100 },
  );
});
