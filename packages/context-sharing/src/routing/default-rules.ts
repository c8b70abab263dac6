/**
 * Where failures go unless somebody says otherwise.
 *
 * - D1  Named tools and codes only, those of the contract; a rule whose tool is not served does not apply.
 * - D2  What changes the user's files is proposed only where `autoFix` is allowed, and once. A Dockerfile is replaced only
 *       where it is the one that failed: that `Dockerfile.dev` does not build is no fault of the `Dockerfile` beside it.
 * - D3  After AUTH_FAILED and REGISTRY_DENIED nothing leads back by itself: the same credentials fail again, and somebody
 *       has to sign in, or to ask for the right.
 * - D4  INVALID_INPUT, CANCELLED and POLICY_DENIED have no rule: their remedy is the caller's, and a way round a policy must
 *       not be proposed.
 */
import { deployRules } from "./deploy-default-rules.ts";
import { engineRules } from "./engine-default-rules.ts";
import { REGISTRY, registryRules } from "./registry-default-rules.ts";
import { sandboxRules } from "./sandbox-default-rules.ts";
import { scanRules } from "./scan-default-rules.ts";
import type { RouteStep, RoutingRule } from "./types.ts";

const REBUILD: RouteStep = {
  tool: "build_image",
  arguments: {
    "...": "${input}",
    // In the folder that the new one is made for: of a repository whose program is in a folder, that folder.
    context: "${result.build.context | input.context}",
    dockerfile: "${result.build.dockerfile | result.dockerfile.path}",
    // Finds nothing, and so leaves out the stage that was asked for: it was one of the file that was replaced.
    target: "${result.target}",
  },
  reason: "Build again, with the Dockerfile that was just written.",
};

/** A build is repaired, a login is looked at, findings get their remedies. */
const first: readonly RoutingRule[] = [
  {
    name: "repair-dockerfile",
    priority: 100,
    fromTool: "build_image",
    errorCodes: ["DOCKERFILE_INVALID", "BUILD_FAILED"],
    when: { attempts: { atMost: 0 }, autoFix: true, input: { dockerfile: [null, "Dockerfile", "./Dockerfile"] } },
    action: "route",
    toTool: "analyze_repository",
    arguments: { path: "${input.context}" },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [
      {
        tool: "generate_dockerfile",
        arguments: { path: "${input.context}", strategy: "template", overwrite: true },
        reason: "Replace the Dockerfile that does not build by one that is made for this repository.",
      },
      REBUILD,
    ],
    reason: "The Dockerfile does not build: look at the repository, then write a Dockerfile for it and build again.",
  },
  {
    name: "check-login-of-push",
    priority: 110,
    fromTool: "push_image",
    errorCodes: ["AUTH_FAILED"],
    action: "route",
    toTool: "validate_credentials",
    arguments: { registry: REGISTRY },
    reason:
      "See which credentials were used and what the registry says of them; the user has to sign in before the push can be repeated.",
  },
  {
    name: "check-registry-of-push",
    priority: 120,
    fromTool: "push_image",
    errorCodes: ["REGISTRY_UNAVAILABLE"],
    action: "route",
    toTool: "validate_credentials",
    arguments: { registry: REGISTRY },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [
      {
        tool: "push_image",
        arguments: { "...": "${input}" },
        reason: "The registry answers: push again; where the credentials are not valid, the user has to sign in first.",
      },
    ],
    reason: "See whether the registry answers at all, then push again.",
  },
  {
    name: "remediate-findings",
    priority: 130,
    fromTool: "scan_security",
    errorCodes: ["CRITICAL_VULNS_FOUND"],
    action: "route",
    toTool: "generate_remediation",
    arguments: { scanId: "${error.details.scanId}", image: "${input.image}", report: "${input.report}" },
    reason: "The scan found what must not be shipped: plan the upgrades that clear it.",
  },
];

/** A Dockerfile of another name stays as it is: the new one lies beside it (D2). */
const beside: readonly RoutingRule[] = [
  {
    name: "write-dockerfile-beside",
    priority: 190,
    fromTool: "build_image",
    errorCodes: ["DOCKERFILE_INVALID", "BUILD_FAILED"],
    when: { attempts: { atMost: 0 }, autoFix: true },
    action: "route",
    toTool: "analyze_repository",
    arguments: { path: "${input.context}" },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [
      {
        tool: "generate_dockerfile",
        arguments: { path: "${input.context}", strategy: "template" },
        reason:
          "Write a Dockerfile for this repository, unless there is another one that the failed build did not use.",
      },
      REBUILD,
    ],
    reason: "That Dockerfile does not build: look at the repository, then write another for it and build with that.",
  },
];

/** Whatever passes by itself and has no rule of its own. */
const transient: readonly RoutingRule[] = [
  {
    name: "transient",
    priority: 900,
    // Not after the rules above have repeated it in vain.
    when: { retryable: true, attempts: { atMost: 1 } },
    action: "retry",
    retry: { attempts: 2 },
    reason: "This passes by itself more often than not: repeat the call after the pause.",
  },
];

/** The rules that count unless a configuration or plugin replaces or disables them. */
export const defaultRoutingRules: readonly RoutingRule[] = [
  ...first,
  ...beside,
  ...registryRules,
  ...engineRules,
  ...sandboxRules,
  ...deployRules,
  ...scanRules,
  ...transient,
];
