import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the package exports these names and no others", () => {
  expect(Object.keys(face).sort()).toEqual([
    "collectExtensions",
    "createPolicy",
    "createProgress",
    "createRuntime",
    "definePlugin",
    "defineTool",
    "executeWithProgress",
    "executeWithoutProgress",
    "loadPlugins",
    "pluginErrors",
    "policyRulesSchema",
    "runtimeErrors",
  ]);
});

test("the error codes are these, with the contract's categories and retryable flags", () => {
  const table = Object.entries(face.runtimeErrors).map(
    ([code, { category, retryable }]) => `${category} ${code}${retryable ? "*" : ""}`,
  );
  expect(table.sort()).toEqual([
    "input CONFLICT",
    "input INVALID_INPUT",
    "runtime CANCELLED",
    "runtime CIRCUIT_OPEN*",
    "runtime INTERNAL",
    "runtime INTERRUPTED*",
    "runtime OUTPUT_INVALID",
    "runtime OVERLOADED*",
    "runtime PLUGIN_INVALID",
    "runtime TOOL_NOT_FOUND",
    "runtime TOOL_TIMEOUT*",
    "security POLICY_DENIED",
  ]);
});
