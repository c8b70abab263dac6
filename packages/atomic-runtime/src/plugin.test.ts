import { isKitError } from "@container-kit/errors";
import { expect, test } from "vitest";
import { z } from "zod";
import { rig, tool } from "../test/rig.ts";
import { createRuntime, definePlugin } from "./index.ts";
import type { Plugin } from "./index.ts";
import { fakeSessionStore } from "../test/fake-session-store.ts";

const plugin = (changes: Partial<Record<keyof Plugin, unknown>>) =>
  ({ name: "words", version: "1.0.0", apiVersion: 1, tools: [tool()], ...changes }) as Plugin;

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

test.each<[string, Partial<Record<keyof Plugin, unknown>>]>([
  ["a name", { name: "" }],
  ["a version", { version: undefined }],
  ["apiVersion 1, got 2", { apiVersion: 2 }],
  ["tools to be a list", { tools: tool() }],
  ["tool copy_text is defined twice", { tools: [tool(), tool()] }],
  ["plugin words: expected a tool name", { tools: [{ ...tool(), name: "X" }] }],
  ["expected a tool, got object", { tools: [null] }],
])("a plugin that breaks the contract is PLUGIN_INVALID: %s", (expected, change) => {
  const error = thrownBy(() => definePlugin(plugin(change)));
  expect(isKitError(error, "PLUGIN_INVALID")).toBe(true);
  expect(String(error)).toContain(expected);
});

test("two plugins with a tool of the same name are PLUGIN_INVALID and both are named", () => {
  expect(() =>
    createRuntime({ plugins: [plugin({}), plugin({ name: "texts" })], sessions: fakeSessionStore() }),
  ).toThrow("tool copy_text is defined twice: by plugin words and by plugin texts");
});

test("a schema that JSON Schema cannot tell is PLUGIN_INVALID at the start, not at a call", () => {
  expect(() => rig([tool({ output: z.object({ at: z.date() }) })])).toThrow(
    "tool copy_text: its schemas cannot be told as JSON Schema",
  );
});
