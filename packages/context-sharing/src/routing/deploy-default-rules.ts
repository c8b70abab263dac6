/** The default rules for clusters and what is deployed on them. */
import type { RoutingRule } from "./types.ts";

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
