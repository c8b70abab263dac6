import { expect, test } from "vitest";
import { defaultRoutingRules } from "./default-rules.ts";
import { createRouter } from "./router.ts";
import type { Failure, FailureChain } from "./types.ts";
import { contractKindOf } from "./vocabulary.ts";

const router = createRouter();

interface Given {
  readonly tool: string;
  readonly code: string;
  readonly retryable?: boolean;
  readonly input?: Record<string, unknown>;
  readonly details?: Record<string, unknown>;
  readonly autoFix?: boolean;
}

function failureOf({ tool, code, retryable = false, input = {}, details = {}, autoFix = true }: Given): Failure {
  return { tool, error: { code, category: "any", retryable, details }, input, autoFix, sessionId: "ses_1" };
}

/** What is decided, again and again, until something is given up or nothing said. */
function path(given: Given, chain?: FailureChain): string[] {
  const failure = failureOf(given);
  const decision = router.decide(failure, chain);
  if (decision === null) return ["null"];
  const { rule, action, toTool } = decision;
  if (action === "fail") return [rule];
  const step = action === "route" ? `${rule} > ${toTool}` : rule;
  return [step, ...path(given, router.after(chain, failure, decision))];
}

test.each<[Given, string[]]>([
  [{ tool: "build_image", code: "DOCKERFILE_INVALID" }, ["repair-dockerfile > analyze_repository", "nothing-left"]],
  [{ tool: "build_image", code: "BUILD_FAILED", autoFix: false }, ["null"]],
  [{ tool: "push_image", code: "AUTH_FAILED" }, ["check-login-of-push > validate_credentials", "nothing-left"]],
  [
    { tool: "push_image", code: "REGISTRY_UNAVAILABLE", retryable: true },
    ["check-registry-of-push > validate_credentials", "registry-again", "registry-again", "nothing-left"],
  ],
  [
    { tool: "scan_security", code: "CRITICAL_VULNS_FOUND" },
    ["remediate-findings > generate_remediation", "nothing-left"],
  ],
  [{ tool: "pull_image", code: "REGISTRY_DENIED" }, ["check-login-of-pull > validate_credentials", "nothing-left"]],
  [{ tool: "push_image", code: "IMAGE_NOT_FOUND" }, ["find-built-image > get_session", "nothing-left"]],
  [{ tool: "build_image", code: "BASE_IMAGE_UNAVAILABLE" }, ["base-image-missing"]],
  [
    { tool: "tag_image", code: "ENGINE_UNAVAILABLE", retryable: true },
    ["engine-again", "engine-again", "look-at-engine > server_status", "nothing-left"],
  ],
  [{ tool: "build_image", code: "ENGINE_FORBIDDEN" }, ["look-at-engine > server_status", "nothing-left"]],
  [{ tool: "build_image", code: "ENGINE_DISK_FULL" }, ["engine-disk-full"]],
  [{ tool: "sandbox_run", code: "SANDBOX_OOM" }, ["sandbox-memory"]],
  [
    { tool: "deploy_kubernetes", code: "MANIFEST_INVALID" },
    ["regenerate-manifests > generate_manifests", "nothing-left"],
  ],
  [{ tool: "list_sessions", code: "STORE_BUSY", retryable: true }, ["transient", "transient", "nothing-left"]],
  [{ tool: "build_image", code: "INVALID_INPUT" }, ["null"]],
  [{ tool: "build_image", code: "CANCELLED" }, ["null"]],
  [{ tool: "push_image", code: "POLICY_DENIED" }, ["null"]],
])("%j leads to %j", (given, expected) => {
  expect(path(given)).toEqual(expected);
});

test("the original three stand first", () => {
  const [repair, login, registry, findings] = router.rules.map(({ name }) => name);
  expect([repair, login, registry, findings]).toEqual([
    "repair-dockerfile",
    "check-login-of-push",
    "check-registry-of-push",
    "remediate-findings",
  ]);
});

test("a repair hands on what the build was called with, and a login check the registry that the error names", () => {
  const build = failureOf({ tool: "build_image", code: "BUILD_FAILED", input: { context: "/app", tags: ["a:1"] } });
  const decision = router.decide(build);
  expect(decision?.arguments).toEqual({ path: "/app" });
  expect(router.steps(decision ?? { rule: "", action: "fail", reason: "" }).map(({ tool }) => tool)).toEqual([
    "generate_dockerfile",
    "build_image",
  ]);
  const registryOf = (details: Record<string, unknown>) =>
    router.decide(failureOf({ tool: "push_image", code: "AUTH_FAILED", input: { image: "r:5000/app:1" }, details }))
      ?.arguments;
  expect(registryOf({ registry: "r:5000" })).toEqual({ registry: "r:5000" });
  expect(registryOf({})).toEqual({ registry: "r:5000/app:1" });
});

test("a Dockerfile is replaced only where it is the one that failed", () => {
  const stepsOf = (dockerfile?: string) => {
    const input = { context: "/app", ...(dockerfile === undefined ? {} : { dockerfile }) };
    const decision = router.decide(failureOf({ tool: "build_image", code: "BUILD_FAILED", input }));
    expect(decision).toMatchObject({ toTool: "analyze_repository", arguments: { path: "/app" } });
    return router.steps(decision ?? { rule: "", action: "fail", reason: "" });
  };
  for (const own of [undefined, "Dockerfile"]) expect(stepsOf(own)[0]?.arguments).toMatchObject({ overwrite: true });
  expect(stepsOf("Dockerfile.dev")[0]?.arguments).not.toHaveProperty("overwrite");
  expect(path({ tool: "build_image", code: "BUILD_FAILED", input: { dockerfile: "docker/Dockerfile" } })).toEqual([
    "write-dockerfile-beside > analyze_repository",
    "nothing-left",
  ]);
});

test("a build that fails otherwise after its repair is not repaired by the same once more", () => {
  const broken = failureOf({ tool: "build_image", code: "DOCKERFILE_INVALID" });
  const chain = router.after(undefined, broken, router.decide(broken) ?? { rule: "", action: "fail", reason: "" });
  expect(router.decide(failureOf({ tool: "build_image", code: "BUILD_FAILED" }), chain)?.rule).toBe("nothing-left");
  expect(router.decide(failureOf({ tool: "build_image", code: "ENGINE_TIMEOUT" }), chain)?.rule).toBe("engine-again");
});

test("where a right is missing the repository is asked for as well, and nothing leads back to the call by itself", () => {
  for (const tool of ["pull_image", "push_image"]) {
    const details = { registry: "r:5000", reference: "r:5000/team/app:1" };
    const decision = router.decide(failureOf({ tool, code: "REGISTRY_DENIED", details }));
    expect(decision?.arguments).toEqual({ registry: "r:5000", repository: "r:5000/team/app:1" });
    expect(router.steps(decision ?? { rule: "", action: "fail", reason: "" })).toEqual([]);
  }
});

test("what the contract does not call retryable is repeated only where its remedy says so", () => {
  const repeated = defaultRoutingRules
    .filter(({ action }) => action === "retry")
    .flatMap(({ errorCodes = [] }) => errorCodes);
  expect(repeated.filter((code) => contractKindOf(code)?.retryable !== true)).toEqual([
    "DIGEST_MISMATCH",
    "PUSH_UNVERIFIED",
  ]);
});

test("every default has a name, a priority and a reason of its own", () => {
  for (const member of ["name", "priority"] as const)
    expect(new Set(defaultRoutingRules.map((rule) => rule[member])).size).toBe(defaultRoutingRules.length);
  for (const { reason } of defaultRoutingRules) expect(reason).toMatch(/^[A-Z].{30,180}\.$/);
});
