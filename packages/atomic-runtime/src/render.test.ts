import { defineErrors } from "@container-kit/errors";
import { expect, test } from "vitest";
import { z } from "zod";
import { rig, running, tool } from "../test/rig.ts";
import type { ToolDefinition, ToolOutcome } from "./index.ts";

const fail = defineErrors({
  BUILD_FAILED: { category: "build", summary: "x", remedy: "Correct the step.", retryable: false, fault: "caller" },
});

async function rendered(definition: ToolDefinition, input: Record<string, unknown> = {}): Promise<string> {
  const { runtime } = rig([definition]);
  const outcome = await runtime.execute({ tool: "copy_text", input: { text: "hello", ...input }, correlationId: "c1" });
  return runtime.render(outcome);
}

test("a success reads as the tool's own summary, its next steps and the session", async () => {
  const definition = tool({
    summarize: (result, input) => `Copied ${String(input["text"])} to ${String(result["text"])}.`,
    next: () => [{ tool: "copy_text", reason: "copy it once more", arguments: { text: "hello" } }],
  });
  expect(await rendered(definition)).toBe(
    'Copied hello to hello.\nNext: copy_text {text: "hello"} – copy it once more\nsessionId: s1',
  );
});

test("without a summary every member of the result is a short line", async () => {
  const output = z.object({ id: z.string(), size: z.number(), tags: z.array(z.string()), user: z.null() });
  const result = { id: "sha256:1", size: 7, tags: ["a", "b", "c", "d", "e", "f", "g"], user: null };
  expect(await rendered(tool({ output, run: () => Promise.resolve(result), durable: true }))).toBe(
    [
      "copy_text: done",
      'id: "sha256:1"',
      "size: 7",
      'tags: ["a", "b", "c", "d", "e", … 2 more]',
      "user: null",
      "jobId: j1",
      "sessionId: s1",
    ].join("\n"),
  );
});

test("a dry run says that nothing was changed", async () => {
  expect(await rendered(tool(), { dryRun: true })).toMatch(/^copy_text: dry run, nothing was changed\n/);
});

test("a failure reads as its code, message, remedy and last output", async () => {
  const logTail = Array.from({ length: 50 }, (_, index) => `line ${index + 1}`).join("\n");
  const text = await rendered(
    running(() => Promise.reject(fail("BUILD_FAILED", "step 3 ended with 1", { logTail, stage: "build" }))),
  );
  expect(text.split("\n")).toEqual([
    "copy_text failed: BUILD_FAILED: step 3 ended with 1",
    "What to do: Correct the step.",
    "Stage: build",
    "Last output:",
    ...Array.from({ length: 20 }, (_, index) => `  line ${index + 31}`),
    "sessionId: s1",
    "correlationId: c1",
  ]);
});

test("a text is at most 8,000 characters, and next steps and the session survive the cut", async () => {
  const text = await rendered(
    tool({
      summarize: () => "x".repeat(1_000_000),
      next: () => [{ tool: "copy_text", reason: "y".repeat(5_000), arguments: { text: "z".repeat(5_000) } }],
    }),
  );
  expect(text.length).toBeLessThanOrEqual(8_000);
  expect(text).toContain("the whole is in the structured result");
  expect(text).toContain("\nNext: copy_text {text: ");
  expect(text).toMatch(/\nsessionId: s1$/);
});

test("a million invisible characters do not make a text longer than 8,000", async () => {
  const text = await rendered(tool({ summarize: () => "\u202e".repeat(1_000_000) }));
  expect(text.length).toBeLessThanOrEqual(8_000);
});

test("colours, control characters and direction marks of a log or a result never reach the reader", async () => {
  const hostile = "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u202eflip \u{e0041} \u200b";
  const shown = "red \\u{1b}]0;title\\u{7} \\u{202e}flip \\u{e0041} \\u{200b}";
  expect(await rendered(running(() => Promise.reject(fail("BUILD_FAILED", hostile, { logTail: hostile }))))).toContain(
    `Last output:\n  ${shown}`,
  );
  expect(await rendered(tool({ summarize: () => hostile }))).toContain(shown);
  expect(await rendered(tool(), { text: hostile })).not.toMatch(/[\u202e\u200b]/);
});

test("a summary that throws costs the summary only", async () => {
  const text = await rendered(
    tool({
      summarize: () => {
        throw new Error("bad summary");
      },
    }),
  );
  expect(text).toContain('copy_text: done\ntext: "hello"');
});

test("a secret that a summary repeats from the input is masked", async () => {
  const definition = tool({ summarize: (_result, input) => String(input["text"]) });
  expect(await rendered(definition, { text: "https://u:hunter22@example.com" })).not.toContain("hunter22");
});

test("a repeated call reads like the first", async () => {
  const { runtime } = rig([tool({ summarize: () => "Copied." })]);
  const call = { tool: "copy_text", input: { text: "a", idempotencyKey: "k" } };
  const texts = [runtime.render(await runtime.execute(call)), runtime.render(await runtime.execute(call))];
  expect(texts[1]).toBe(texts[0]);
  expect(texts[0]).toContain("Copied.");
});

test("an outcome that another process made is rendered too", () => {
  const outcome: ToolOutcome = {
    ok: true,
    tool: "not_here",
    sessionId: "s",
    executionId: "e",
    correlationId: "c",
    durationMs: 1,
    dryRun: false,
    result: { deep: { deeper: { list: [1, { a: "b" }] } } },
    next: [],
  };
  expect(rig([]).runtime.render(outcome)).toBe('not_here: done\ndeep: {deeper: {list: [1, {a: "b"}]}}\nsessionId: s');
});
