/** Where failures go in the proofs of routing: rules that are made at random, failures too, on a real store. */
import { loadContextSharing } from "./store-parts.mjs";
import { openSharing } from "./sharing-parts.mjs";

const { createFailureRouting, createRouter } = await loadContextSharing();

export const BUDGET = 8;
const TOOLS = `analyze_repository generate_dockerfile build_image pull_image push_image tag_image inspect_image
  validate_credentials scan_security generate_remediation generate_manifests deploy_kubernetes sandbox_run`.split(
  /\s+/,
);
/** By category. */
const CODES = {
  build: ["DOCKERFILE_INVALID", "BUILD_FAILED", "CONTEXT_INVALID", "BASE_IMAGE_UNAVAILABLE"],
  registry: ["AUTH_FAILED", "REGISTRY_UNAVAILABLE", "REGISTRY_RATE_LIMITED", "IMAGE_NOT_FOUND"],
  security: ["CRITICAL_VULNS_FOUND", "SCANNER_UNAVAILABLE", "SCAN_FAILED"],
  engine: ["ENGINE_UNAVAILABLE", "ENGINE_TIMEOUT", "ENGINE_ERROR"],
};
const CATEGORIES = Object.keys(CODES);
const RETRYABLE = new Set(["REGISTRY_UNAVAILABLE", "REGISTRY_RATE_LIMITED", "ENGINE_UNAVAILABLE", "ENGINE_TIMEOUT"]);
const SEVERITIES = ["critical", "high", "medium", "low"];

const some = (random, values, most) => [
  ...new Set(Array.from({ length: 1 + random.below(most) }, () => random.pick(values))),
];
const maybe = (random, members) => (random.below(2) === 0 ? members() : {});

/** A failure of this tool, or of any. */
export function failureOf(random, { tool = random.pick(TOOLS), input } = {}) {
  const category = random.pick(CATEGORIES);
  const code = random.pick(CODES[category]);
  return {
    tool,
    error: { code, category, retryable: RETRYABLE.has(code), message: "a fault", details: { step: 3 } },
    input: input ?? { context: `/app/${random.below(3)}` },
    autoFix: random.below(4) > 0,
    labels: random.below(2) === 0 ? { team: "a" } : {},
    ...maybe(random, () => ({ severity: random.pick(SEVERITIES) })),
  };
}

/** Rules that make sense to nobody, and may well lead in circles. */
export function rulesOf(random, count) {
  return Array.from({ length: count }, (_, at) => ({
    name: `rule-${at}`,
    priority: random.below(20),
    ...maybe(random, () => ({ fromTool: some(random, TOOLS, 4) })),
    ...maybe(random, () => ({ errorCodes: some(random, Object.values(CODES).flat(), 5) })),
    ...maybe(random, () => ({ categories: some(random, CATEGORIES, 2) })),
    ...maybe(random, () => ({ when: whenOf(random) })),
    reason: "Because of chance.",
    ...actionOf(random),
  }));
}

function whenOf(random) {
  return {
    ...maybe(random, () => ({ attempts: { atMost: random.below(3) } })),
    ...maybe(random, () => ({ severity: { atLeast: random.pick(SEVERITIES) } })),
    ...maybe(random, () => ({ autoFix: true })),
    ...maybe(random, () => ({ labels: { team: "a" } })),
  };
}

function actionOf(random) {
  const action = random.pick(["route", "route", "route", "retry", "fail", "ignore"]);
  if (action === "retry") return { action, retry: { attempts: 1 + random.below(10), firstPauseMs: 1 } };
  if (action !== "route") return { action };
  const mapping = { path: "${input.context}", code: "${error.code}", fixed: "yes" };
  const then = Array.from({ length: random.below(3) }, () => ({
    tool: random.pick(TOOLS),
    arguments: { ...mapping, last: "${result.done}" },
    reason: "Goes on.",
  }));
  // oxlint-disable-next-line unicorn/no-thenable -- a rule is plain data, and its `then` is a list
  return { action, toTool: random.pick(TOOLS), arguments: mapping, then };
}

/** Routing on the store in a folder; without rules, those that Container Kit brings. */
export async function openRouting(folder, { rules } = {}) {
  const sharing = await openSharing(folder);
  const router = createRouter({ budget: BUDGET, ...(rules === undefined ? {} : { rules }) });
  const routing = createFailureRouting({ router, context: sharing.context, events: sharing.bus });
  return { ...sharing, router, routing };
}
