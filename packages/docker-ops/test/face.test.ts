import { expect, test } from "vitest";
import * as face from "../src/index.ts";

test("the public face is exactly this", () => {
  expect(Object.keys(face).sort()).toEqual([
    "DEADLINES",
    "checkRegistryLogin",
    "connectEngine",
    "dockerErrors",
    "formatReference",
    "isImageId",
    "normalizeReference",
    "parseCredentialReference",
    "parseReference",
    "readDockerConfig",
    "resolveContext",
    "resolveCredential",
    "runBatch",
    "withDefaultTag",
  ]);
});

test("the codes keep their category and whether a retry helps", () => {
  const rows = Object.entries(face.dockerErrors).map(
    ([code, { category, retryable }]) => `${code} ${category}${retryable ? " *" : ""}`,
  );
  expect(rows).toEqual([
    "INVALID_REFERENCE input",
    "ENGINE_UNAVAILABLE engine *",
    "ENGINE_FORBIDDEN engine",
    "ENGINE_BAD_ENDPOINT engine",
    "ENGINE_TIMEOUT engine *",
    "ENGINE_PROTOCOL engine",
    "ENGINE_ERROR engine",
    "ENGINE_RESTARTED engine *",
    "ENGINE_DISK_FULL engine",
    "AUTH_FAILED registry",
    "REGISTRY_DENIED registry",
    "REGISTRY_UNAVAILABLE registry *",
    "REGISTRY_RATE_LIMITED registry *",
    "REGISTRY_TLS registry",
    "IMAGE_NOT_FOUND registry",
    "DIGEST_MISMATCH registry",
    "PUSH_UNVERIFIED registry",
    "CREDENTIAL_HELPER_FAILED registry",
    "DOCKERFILE_INVALID build",
    "BUILD_FAILED build",
    "CONTEXT_INVALID build",
    "BASE_IMAGE_UNAVAILABLE build",
  ]);
});
