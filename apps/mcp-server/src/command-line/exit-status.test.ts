import { expect, test } from "vitest";
import type { ErrorCategory } from "@container-kit/errors";
import { EXIT, exitStatusOf } from "./exit-status.ts";

test("the statuses are those of the contract", () => {
  expect(EXIT).toEqual({ done: 0, failed: 1, usage: 2, refused: 3, noEngine: 4, transient: 75, interrupted: 130 });
});

test.each<[string, ErrorCategory, boolean, number]>([
  ["INVALID_INPUT", "input", false, 2],
  ["INVALID_REFERENCE", "input", false, 2],
  ["PATH_DENIED", "input", false, 2],
  ["NOT_FOUND", "input", false, 2],
  ["UNSUPPORTED", "input", false, 2],
  ["CONFLICT", "input", false, 1],
  ["TOOL_NOT_FOUND", "runtime", false, 2],
  ["ENGINE_UNAVAILABLE", "engine", true, 4],
  ["ENGINE_FORBIDDEN", "engine", false, 4],
  ["ENGINE_BAD_ENDPOINT", "engine", false, 4],
  ["ENGINE_TIMEOUT", "engine", true, 75],
  ["REGISTRY_UNAVAILABLE", "registry", true, 75],
  ["AUTH_FAILED", "registry", false, 1],
  ["BUILD_FAILED", "build", false, 1],
  ["POLICY_DENIED", "security", false, 3],
  ["CRITICAL_VULNS_FOUND", "security", false, 3],
  ["SESSION_NOT_FOUND", "session", false, 1],
  ["CANCELLED", "runtime", false, 1],
  ["INTERRUPTED", "runtime", true, 75],
  ["INTERNAL", "runtime", false, 1],
])("%s ends with its status", (code, category, retryable, status) => {
  expect(exitStatusOf({ code, category, retryable })).toBe(status);
});

test("a cancellation by a signal ends with 130, another failure during it with its own status", () => {
  expect(exitStatusOf({ code: "CANCELLED", category: "runtime", retryable: false }, true)).toBe(130);
  expect(exitStatusOf({ code: "INTERRUPTED", category: "runtime", retryable: true }, true)).toBe(130);
  expect(exitStatusOf({ code: "BUILD_FAILED", category: "build", retryable: false }, true)).toBe(1);
});
