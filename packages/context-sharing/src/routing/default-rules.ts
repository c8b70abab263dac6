/**
 * Where failures go unless somebody says otherwise.
 *
 * - D1  Named tools and codes only, those of the contract; a rule whose tool is not served does not apply.
 * - D2  What changes the user's files is proposed only where `autoFix` is allowed, and once.
 * - D3  After AUTH_FAILED nothing leads back by itself: the same credentials fail again, and somebody has to sign in.
 * - D4  INVALID_INPUT, CANCELLED and POLICY_DENIED have no rule: their remedy is the caller's, and a way round a policy must
 *       not be proposed.
 */
import { deployRules, engineRules, sandboxRules, scanRules, transientRules } from "./further-default-rules.ts";
import type { RoutingRule } from "./types.ts";

/** The registry that an error is about; else the call's own reference, which begins with it where it names one. */
const REGISTRY = "${error.details.registry | input.target | input.image}";

/** What the original did first: a build is repaired, a login is looked at, findings get their remedies. */
const first: readonly RoutingRule[] = [
  {
    name: "repair-dockerfile",
    priority: 100,
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
        arguments: { path: "${input.context}", strategy: "template", overwrite: true },
        reason: "Replace the Dockerfile that does not build by one that is made for this repository.",
      },
      {
        tool: "build_image",
        // Without the stage that was asked for: it was one of the file that was replaced.
        arguments: { "...": "${input}", target: "${result.target}", dockerfile: "${result.dockerfile.path}" },
        reason: "Build again, with the Dockerfile that was just written.",
      },
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
    then: [{ tool: "push_image", arguments: { "...": "${input}" }, reason: "The registry answers again: push again." }],
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

const registry: readonly RoutingRule[] = [
  {
    name: "check-login-of-pull",
    priority: 200,
    fromTool: "pull_image",
    errorCodes: ["AUTH_FAILED", "REGISTRY_DENIED"],
    action: "route",
    toTool: "validate_credentials",
    arguments: { registry: REGISTRY },
    reason:
      "See which credentials were used and what they may read; the user may have to sign in, or ask for the right.",
  },
  {
    name: "check-rights-of-push",
    priority: 210,
    fromTool: "push_image",
    errorCodes: ["REGISTRY_DENIED"],
    action: "route",
    toTool: "validate_credentials",
    arguments: { registry: REGISTRY },
    reason: "See who the registry takes us for: the user needs the right to that repository, or another target.",
  },
  {
    name: "registry-again",
    priority: 220,
    fromTool: ["pull_image", "push_image", "validate_credentials"],
    errorCodes: ["REGISTRY_UNAVAILABLE", "REGISTRY_RATE_LIMITED"],
    action: "retry",
    retry: { attempts: 2, firstPauseMs: 5000, longestPauseMs: 60_000 },
    reason: "Registries often answer again after a moment: repeat the call after the pause.",
  },
  {
    name: "push-again",
    priority: 230,
    fromTool: "push_image",
    errorCodes: ["DIGEST_MISMATCH", "PUSH_UNVERIFIED"],
    action: "retry",
    retry: { attempts: 1, firstPauseMs: 5000 },
    reason: "The registry does not show what was pushed: push once more, which sends only what is missing.",
  },
  {
    name: "find-built-image",
    priority: 240,
    fromTool: ["push_image", "tag_image", "inspect_image"],
    errorCodes: ["IMAGE_NOT_FOUND"],
    action: "route",
    toTool: "get_session",
    arguments: { sessionId: "${session.id}" },
    reason:
      "The engine has no image of that name: see which ones this session has built, tagged or pulled, and use that.",
  },
  {
    name: "pull-for-scan",
    priority: 250,
    fromTool: "scan_security",
    errorCodes: ["IMAGE_NOT_FOUND"],
    action: "route",
    toTool: "pull_image",
    arguments: { image: "${input.image}" },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [{ tool: "scan_security", arguments: { "...": "${input}" }, reason: "The image is there now: scan it." }],
    reason: "The engine does not have the image: pull it, then call again.",
  },
  {
    name: "pull-for-sandbox",
    priority: 251,
    fromTool: "sandbox_run",
    errorCodes: ["IMAGE_NOT_FOUND"],
    action: "route",
    toTool: "pull_image",
    arguments: { image: "${input.image}" },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [{ tool: "sandbox_run", arguments: { "...": "${input}" }, reason: "The image is there now: run in it." }],
    reason: "The engine does not have the image: pull it, then call again.",
  },
  {
    name: "base-image-again",
    priority: 260,
    errorCodes: ["BASE_IMAGE_UNAVAILABLE"],
    action: "retry",
    retry: { attempts: 1, firstPauseMs: 5000 },
    reason: "The base image's registry may only have been out of reach for a moment: build once more after the pause.",
  },
  {
    name: "base-image-missing",
    priority: 270,
    errorCodes: ["BASE_IMAGE_UNAVAILABLE"],
    action: "fail",
    reason:
      "The base image is not to be had: correct the FROM line, sign in to its registry, or map it with baseImages in container-kit.yaml.",
  },
];

/** The rules that count unless a configuration or plugin replaces or disables them. */
export const defaultRoutingRules: readonly RoutingRule[] = [
  ...first,
  ...registry,
  ...engineRules,
  ...sandboxRules,
  ...deployRules,
  ...scanRules,
  ...transientRules,
];
