/** The default rules beside builds and registries: engines, sandboxes, clusters, scanners, and what passes by itself. */
import type { RoutingRule } from "./types.ts";

/** Engines that do not answer, or have no room. */
export const engineRules: readonly RoutingRule[] = [
  {
    name: "engine-again",
    priority: 300,
    errorCodes: ["ENGINE_UNAVAILABLE", "ENGINE_TIMEOUT", "ENGINE_RESTARTED"],
    action: "retry",
    retry: { attempts: 2, firstPauseMs: 2000, longestPauseMs: 15_000 },
    reason: "An engine that restarts or is busy answers again soon: repeat the call after the pause.",
  },
  {
    name: "look-at-engine",
    priority: 310,
    errorCodes: [
      "ENGINE_UNAVAILABLE",
      "ENGINE_TIMEOUT",
      "ENGINE_RESTARTED",
      "ENGINE_FORBIDDEN",
      "ENGINE_BAD_ENDPOINT",
      "ENGINE_PROTOCOL",
    ],
    action: "route",
    toTool: "server_status",
    reason: "No engine can be used: see which one was tried, why it is not to be had, and tell the user the remedy.",
  },
  {
    name: "engine-disk-full",
    priority: 320,
    errorCodes: ["ENGINE_DISK_FULL"],
    action: "fail",
    reason:
      "The engine has no room: the user has to free space, e.g. with `docker system prune`, before it is tried again.",
  },
];

/** Commands that came up against a limit, and nothing to run them in. */
export const sandboxRules: readonly RoutingRule[] = [
  {
    name: "sandbox-timeout",
    priority: 400,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_TIMEOUT"],
    action: "fail",
    reason:
      "The command used up its time: give it more in `policy`, or let it do less; as it is, it ends the same way.",
  },
  {
    name: "sandbox-memory",
    priority: 410,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_OOM"],
    action: "fail",
    reason:
      "The command used up its memory: give it more in `policy`, or let it need less; as it is, it ends the same way.",
  },
  {
    name: "sandbox-output",
    priority: 420,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_OUTPUT_LIMIT"],
    action: "fail",
    reason: "The command printed more than is taken: let it print less, or write a file and name it in `collect`.",
  },
  {
    name: "sandbox-unavailable",
    priority: 430,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_UNAVAILABLE"],
    action: "route",
    toTool: "server_status",
    reason: "Nothing can be isolated here now: see what is missing, and tell the user the remedy.",
  },
];

/** Manifests, clusters and deployments. */
export const deployRules: readonly RoutingRule[] = [
  {
    name: "regenerate-manifests",
    priority: 500,
    fromTool: "deploy_kubernetes",
    errorCodes: ["MANIFEST_INVALID"],
    when: { attempts: { atMost: 0 }, autoFix: true },
    action: "route",
    toTool: "generate_manifests",
    arguments: { path: "${input.path}", image: "${input.image}" },
    // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
    then: [
      {
        tool: "deploy_kubernetes",
        arguments: { "...": "${input}" },
        reason: "Deploy the manifests that were just written.",
      },
    ],
    reason: "The manifests are not valid: write new ones, then deploy again.",
  },
  {
    name: "cluster-again",
    priority: 510,
    errorCodes: ["CLUSTER_UNAVAILABLE"],
    action: "retry",
    retry: { attempts: 3, firstPauseMs: 5000, longestPauseMs: 60_000 },
    reason: "A cluster that is busy or restarts answers again soon: repeat the call after the pause.",
  },
  {
    name: "look-at-deployment",
    priority: 520,
    fromTool: "deploy_kubernetes",
    errorCodes: ["DEPLOYMENT_FAILED"],
    action: "route",
    toTool: "validate_deployment",
    arguments: { name: "${input.name}", namespace: "${input.namespace}" },
    reason: "The deployment did not become ready: see which part is not and what it says.",
  },
];

/** Scanners that are missing, and secrets that were found. */
export const scanRules: readonly RoutingRule[] = [
  {
    name: "scanner-missing",
    priority: 600,
    errorCodes: ["SCANNER_UNAVAILABLE"],
    action: "route",
    toTool: "server_status",
    reason: "No scanner can be used: see which are there; the user installs one, or a report of one is read instead.",
  },
  {
    name: "secrets-found",
    priority: 610,
    errorCodes: ["SECRETS_FOUND"],
    action: "fail",
    reason: "Secrets lie where others can read them: the user has to revoke them first, then take them out.",
  },
];

/** Whatever passes by itself and has no rule of its own. */
export const transientRules: readonly RoutingRule[] = [
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
