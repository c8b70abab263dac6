import { expect, test } from "vitest";
import { z } from "zod";
import { rig, tool } from "../test/rig.ts";
import type { ToolOutcome } from "./index.ts";

const anything = z.object({ value: z.unknown() });

async function outcomeOf(returned: unknown, output: z.ZodObject = anything): Promise<ToolOutcome> {
  const { runtime } = rig([tool({ output, run: () => returned as Promise<Record<string, unknown>> })]);
  return runtime.execute({ tool: "copy_text", input: { text: "x" } });
}

const circular: Record<string, unknown> = {};
circular["self"] = circular;
const trap = () => {
  throw new Error("trap");
};

test.each<[string, unknown, string]>([
  ["nothing", undefined, "is missing: expected object"],
  ["null", null, "expected object, received null"],
  ["a text", "text", "expected object"],
  ["a value that holds itself", { value: circular }, "or holds itself"],
  ["a BigInt", { value: [{ size: 1n }] }, "value[0].size is a bigint, which is not JSON"],
  ["a function", { value: () => 1 }, "value is a function"],
  ["a symbol", { value: Symbol("x") }, "value is a symbol"],
  ["not a number", { value: Number.NaN }, "value is NaN"],
  ["an object of a class", { value: new Map() }, "value is an object of a class"],
  ["a hole in a list", { value: [undefined] }, "value[0] is a undefined"],
  ["a getter that throws", { value: Object.defineProperty({}, "x", { get: trap, enumerable: true }) }, "threw"],
  ["a proxy that throws", { value: new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap }) }, "threw"],
  ["a text of 200 MB", { value: "x".repeat(200_000_000) }, "larger than 1048576 characters"],
  ["a list of a million items", { value: Array.from({ length: 1_000_000 }, () => 1) }, "larger than 1048576"],
  ["a thousand levels", { value: nested(1_000) }, "nested deeper than 64 levels"],
])("a tool that returns %s is OUTPUT_INVALID", async (_what, returned, message) => {
  const outcome = await outcomeOf(returned);
  expect(outcome).toMatchObject({ ok: false, executionId: "e1", error: { code: "OUTPUT_INVALID", retryable: false } });
  expect(outcome.ok ? "" : outcome.error.message).toContain(message);
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

test("a proxy as the whole result does not crash the runtime", async () => {
  const hostile = new Proxy({}, { get: (_target, key) => (key === "then" ? undefined : trap()) });
  expect(await outcomeOf(hostile)).toMatchObject({ ok: false, error: { code: "OUTPUT_INVALID" } });
});

test("a result of another shape is OUTPUT_INVALID with every path, and recorded as failed", async () => {
  const output = z.object({ image: z.string(), layers: z.array(z.number()) });
  expect(await outcomeOf({ layers: [1, "2"] }, output)).toMatchObject({
    error: {
      code: "OUTPUT_INVALID",
      details: {
        issues: [
          { path: "image", message: "is missing: expected string" },
          { path: "layers[1]", message: "expected number, received string" },
        ],
      },
    },
  });
});

test("fields beyond the output schema are dropped, and defaults are filled in", async () => {
  const output = z.object({ text: z.string(), note: z.string().default("none") });
  expect(await outcomeOf({ text: "x", engine: new Map() }, output)).toMatchObject({
    ok: true,
    result: { text: "x", note: "none" },
  });
});

test("a secret in a result is masked before it leaves and before it is recorded", async () => {
  const { runtime, sessions } = rig([
    tool({
      output: anything,
      run: () => Promise.resolve({ value: { url: "https://u:hunter22@example.com/", password: "hunter22" } }),
    }),
  ]);
  const outcome = await runtime.execute({ tool: "copy_text", input: { text: "x" } });
  expect(outcome).toMatchObject({ ok: true });
  expect(JSON.stringify([outcome, sessions.executions])).not.toContain("hunter22");
});

test("what was checked is what leaves: neither a hidden toJSON nor a getter that changes its mind is asked again", async () => {
  let reads = 0;
  const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456";
  const fickle = {
    get once() {
      reads += 1;
      return reads === 1 ? "plain" : 1n;
    },
  };
  const hiding = Object.defineProperty({ plain: 1 }, "toJSON", { value: () => ({ token: secret }) });
  const odd = JSON.parse('{"__proto__":{"a":1}}') as unknown;
  const outcome = await outcomeOf({ value: [fickle, hiding, odd] });
  expect(JSON.stringify(outcome)).toContain('{"value":[{"once":"plain"},{"plain":1},{"__proto__":{"a":1}}]}');
  expect(reads).toBe(1);
});

test("a suggestion for a tool that is not served is dropped, the others stay", async () => {
  const { runtime } = rig([
    tool({
      next: () => [
        { tool: "not_here", reason: "no", arguments: {} },
        { tool: "copy_text", reason: "yes", arguments: { text: "x" } },
      ],
    }),
  ]);
  expect(await runtime.execute({ tool: "copy_text", input: { text: "x" } })).toMatchObject({
    ok: true,
    next: [{ tool: "copy_text" }],
  });
});

test.each<[string, () => never]>([
  ["throw", trap],
  ["are not a list", () => "x" as never],
  ["are not plain", () => [{ tool: "copy_text", reason: "x", arguments: { n: 1n } }] as never],
])("next steps that %s cost the suggestions, not the result", async (_what, next) => {
  const { runtime, log } = rig([tool({ next })]);
  expect(await runtime.execute({ tool: "copy_text", input: { text: "x" } })).toMatchObject({ ok: true, next: [] });
  expect(log).toContainEqual(expect.objectContaining({ level: "warn", message: "next steps dropped" }));
});
