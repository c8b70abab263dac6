import { defineErrors } from "@container-kit/errors";
import { expect, test, vi } from "vitest";
import { rig, tool } from "../../test/rig.ts";
import type { Policy, PolicyFacts, ToolContext } from "../index.ts";

const fail = defineErrors({
  POLICY_DENIED: { category: "security", summary: "x", remedy: "y", retryable: false, fault: "caller" },
});
const call = { tool: "copy_text", input: { text: "bad" } };

/** Denies every act on the registry `bad`. */
function denying(): Policy {
  return {
    rules: ["registries"],
    looksAt: () => true,
    check(name: string, facts: PolicyFacts | undefined) {
      if (facts === undefined) throw fail("POLICY_DENIED", `${name}: does not say what it does`);
      const { registries } = facts;
      if (registries?.includes("bad") === true) throw fail("POLICY_DENIED", `${name}: rule registries`);
    },
  };
}
const acts = (input: Record<string, unknown>): PolicyFacts => ({ verb: "push", registries: [String(input["text"])] });

test("what the policies refuse is refused before any effect, also as a dry run or a job, and recorded", async () => {
  const run = vi.fn();
  const { runtime, sessions } = rig([tool({ run, acts })], { policy: denying() });
  for (const more of [{}, { dryRun: true }, { wait: false }, { idempotencyKey: "k" }]) {
    const outcome = await runtime.execute({ ...call, input: { ...call.input, ...more } });
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "POLICY_DENIED", message: "copy_text: rule registries" },
    });
  }
  expect(run).not.toHaveBeenCalled();
  expect(sessions.executions.map(({ end }) => end?.status)).toEqual(["failed", "failed", "failed", "failed"]);
  expect(await runtime.execute({ ...call, input: { text: "good" } })).not.toMatchObject({
    error: { code: "POLICY_DENIED" },
  });
});

test("a tool asks about facts that show while it works; without policies all is allowed", async () => {
  const run = (_input: unknown, { allow }: ToolContext) => {
    allow({ verb: "push", registries: ["bad"] });
    return Promise.resolve({ text: "pushed" });
  };
  const denied = rig([tool({ run, acts: () => ({ verb: "push" }) })], { policy: denying() });
  expect(await denied.runtime.execute(call)).toMatchObject({ error: { code: "POLICY_DENIED" } });
  expect(await rig([tool({ run, acts })]).runtime.execute(call)).toMatchObject({ ok: true });
});

test("a tool that breaks while it says what it is about to do does nothing", async () => {
  const run = vi.fn();
  const broken = () => {
    throw new Error("no idea");
  };
  const { runtime } = rig([tool({ run, acts: broken })], { policy: denying() });
  expect(await runtime.execute(call)).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  expect(run).not.toHaveBeenCalled();
});

test("a tool with effects that does not say which is judged as one; a tool that only reads is not judged", async () => {
  const run = vi.fn(() => Promise.resolve({ text: "x" }));
  const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
  const effects = rig([tool({ run })], { policy: denying() });
  expect(await effects.runtime.execute(call)).toMatchObject({ error: { code: "POLICY_DENIED" } });
  expect(run).not.toHaveBeenCalled();
  const reading = rig([tool({ run, annotations: reads })], { policy: denying() });
  expect(await reading.runtime.execute(call)).toMatchObject({ ok: true });
});
