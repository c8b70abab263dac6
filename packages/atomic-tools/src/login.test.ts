import { expect, test } from "vitest";
import type { LoginResult } from "@container-kit/docker-ops";
import { describeIdentity, requireAccess } from "./login.ts";

const login: LoginResult = {
  registry: "r.example.com",
  source: "file",
  username: "ada",
  valid: true,
  reason: "the registry accepts it",
  warnings: [],
};
const codeOf = (result: LoginResult, action: "pull" | "push"): string => {
  try {
    requireAccess(result, "team/app", action);
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const none = { ...login, source: "none", valid: false } as const;

test.each([
  [login, "none"],
  [{ ...login, valid: false }, "AUTH_FAILED"],
  [{ ...login, scopes: ["repository:team/app:pull,push"] }, "none"],
  [{ ...login, scopes: ["repository:team/app:*"] }, "none"],
  [{ ...login, scopes: ["repository:team/app:pull"] }, "REGISTRY_DENIED"],
  [{ ...login, scopes: ["repository:team/other:pull,push"] }, "REGISTRY_DENIED"],
  [{ ...login, scopes: [] }, "REGISTRY_DENIED"],
] as const)("a push with %j meets %s", (result, code) => {
  expect(codeOf(result, "push")).toBe(code);
});

test.each([
  [none, "pull", "none"],
  [none, "push", "AUTH_FAILED"],
  [{ ...none, scopes: ["repository:team/app:pull"] }, "pull", "none"],
  [{ ...none, scopes: ["repository:team/app:pull"] }, "push", "AUTH_FAILED"],
  [{ ...none, scopes: [] }, "pull", "AUTH_FAILED"],
  [{ ...login, valid: false }, "pull", "AUTH_FAILED"],
] as const)("%j meets for a %s %s", (result, action, code) => {
  expect(codeOf(result, action)).toBe(code);
});

test.each([
  [{ source: "file", username: "ada" }, "as ada (the docker configuration)"],
  [{ source: "explicit" }, "with a token (--registry-credentials)"],
  [{ source: "none" }, "without credentials"],
] as const)("%j reads %s", (who, words) => {
  expect(describeIdentity(who)).toBe(words);
});
