import { expect, test } from "vitest";
import { engineMessageError } from "../wire/engine-error.ts";
import { authRemedy } from "./auth-remedy.ts";

const serverAddress = "registry.example.com";

test("signing in is not advised where a reference wins, or where the configuration cannot be read", () => {
  expect(authRemedy({ source: "explicit", serverAddress })).toContain("reference");
  expect(authRemedy({ source: "none", serverAddress, problem: "x/config.json is broken" })).toContain("broken");
  expect(authRemedy({ source: "file", serverAddress })).toBeUndefined();
});

test("the advice stands in an error about credentials, and in no other", () => {
  const context = { operation: "the push", registry: true, authRemedy: "Correct it." };
  expect(engineMessageError("unauthorized", context)).toMatchObject({ code: "AUTH_FAILED", remedy: "Correct it." });
  expect(engineMessageError("connection refused", context)).toMatchObject({
    remedy: expect.not.stringMatching(/^Correct it/),
  });
});
