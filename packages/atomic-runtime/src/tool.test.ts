import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { tool } from "../test/rig.ts";
import { definePlugin, defineTool } from "./index.ts";
import type { ToolContext, ToolDefinition } from "./index.ts";

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

test("a tool is given back as it was defined, with run, next and summarize typed from its schemas", () => {
  const definition = defineTool({
    name: "count_words",
    title: "Count words",
    description: "Counts.",
    toolset: "server",
    annotations,
    input: z.object({ text: z.string(), min: z.number().default(1) }),
    output: z.object({ words: z.number(), note: z.string().default("none") }),
    run(input, context) {
      expectTypeOf(input).toEqualTypeOf<{ text: string; min: number }>();
      expectTypeOf(context).toEqualTypeOf<ToolContext>();
      return Promise.resolve({ words: input.text.split(" ").length });
    },
    summarize: (result, input) => `${result.words} words, ${result.note}, at least ${input.min}`,
    next: (result) => [{ tool: "count_words", reason: "again", arguments: { text: String(result.words) } }],
  });
  expect(definition.name).toBe("count_words");
  const plugin = definePlugin({ name: "words", version: "1.0.0", apiVersion: 1, tools: [definition] });
  expectTypeOf(plugin.tools).toEqualTypeOf<readonly ToolDefinition[]>();
});

test("a tool that returns another shape than its output does not compile", () => {
  defineTool({
    ...tool(),
    output: z.object({ words: z.number() }),
    // @ts-expect-error -- words is missing
    run: () => Promise.resolve({ sentences: 1 }),
  });
});

test.each<[string, Partial<Record<keyof ToolDefinition, unknown>>]>([
  ["tool name", { name: "Push" }],
  ["tool name", { name: "ab" }],
  ["tool name", { name: `a${"b".repeat(48)}` }],
  ["a title", { title: " " }],
  ["a description", { description: "" }],
  ["a toolset", { toolset: undefined }],
  ["annotations.openWorldHint", { annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true } }],
  ["annotations.readOnlyHint", { annotations: undefined }],
  ["input to be a zod object", { input: z.string() }],
  ["output to be a zod object", { output: {} }],
  ["without the field sessionId", { input: z.object({ sessionId: z.string() }) }],
  ["without the field dryRun", { input: z.object({ dryRun: z.boolean() }) }],
  ["without the field idempotencyKey", { input: z.object({ idempotencyKey: z.string() }) }],
  ["without the field wait", { input: z.object({ wait: z.boolean() }) }],
  ["run to be a function", { run: "no" }],
  ["undo to be a function or absent", { undo: true }],
  ["target to be a function or absent", { target: "registry" }],
  ["durable to be true or false", { durable: "yes" }],
  ["concurrency", { concurrency: 0 }],
  ["retry to be an object", { retry: 3 }],
  ["retry.attempts", { retry: { attempts: 1 } }],
  ["pauses of retry", { retry: { attempts: 2, firstPauseMs: -1 } }],
  ["session", { session: "optional" }],
  ["consumes to be a list", { consumes: {} }],
  ["each of consumes to name a type", { consumes: [{ type: "Image" }] }],
  ["consumes without failure_chain", { consumes: [{ type: "failure_chain" }] }],
  [
    "consumes image: fills to name arguments of the tool, got path",
    { consumes: [{ type: "image", fills: { path: "a" } }] },
  ],
  ["consumes image: fills.text to be a path", { consumes: [{ type: "image", fills: { text: "a..b" } }] }],
  ["consumes image: key to be a text, or a reference", { consumes: [{ type: "image", key: "${input.path}" }] }],
  ["produces image: from to be a function", { produces: [{ type: "image" }] }],
  ["deadlineMs", { deadlineMs: 0 }],
  ["deadlineMs", { deadlineMs: 2 ** 31 }],
])("a definition without %s is refused with a TypeError", (expected, change) => {
  const define = () => defineTool({ ...tool(), ...change } as ToolDefinition);
  expect(define).toThrow(TypeError);
  expect(define).toThrow(expected);
});
