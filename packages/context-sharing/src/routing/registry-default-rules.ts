/** The default rules for images and where they are. */
import type { RoutingRule } from "./types.ts";

/** The registry that an error is about; else the call's own reference, which begins with it where it names one. */
export const REGISTRY = "${error.details.registry | input.target | input.image}";

/** The repository there, so that its rights are asked for as well; any reference to it will do. */
const REPOSITORY = "${error.details.reference | input.target | input.image}";

/** Registries that refuse or are away, and images that are missing. */
export const registryRules: readonly RoutingRule[] = [
  {
    name: "check-login-of-pull",
    priority: 200,
    fromTool: "pull_image",
    errorCodes: ["AUTH_FAILED", "REGISTRY_DENIED"],
    action: "route",
    toTool: "validate_credentials",
    arguments: { registry: REGISTRY, repository: REPOSITORY },
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
    arguments: { registry: REGISTRY, repository: REPOSITORY },
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
    name: "base-image-missing",
    // Not repeated: mostly it is a wrong name or a missing login, which the error does not tell from a registry that is away.
    priority: 270,
    errorCodes: ["BASE_IMAGE_UNAVAILABLE"],
    action: "fail",
    reason:
      "The base image is not to be had: correct the FROM line, sign in to its registry, or map it with baseImages in container-kit.yaml.",
  },
];
