/** To decide where a failure goes, with 200 rules and failures of all kinds, beside a scan of all rules for each. */
import { asAllowed, compare } from "./measure.mjs";
import { createRouter } from "./shared-parts.mjs";

const RULES = 200;
const ALLOWED_MS = 0.02;
const TOOLS = `analyze_repository generate_dockerfile build_image pull_image push_image tag_image inspect_image
  validate_credentials scan_security generate_remediation generate_manifests deploy_kubernetes`.split(/\s+/);
const CODES = [
  ["DOCKERFILE_INVALID", "build"],
  ["BUILD_FAILED", "build"],
  ["CONTEXT_INVALID", "build"],
  ["AUTH_FAILED", "registry"],
  ["REGISTRY_UNAVAILABLE", "registry"],
  ["IMAGE_NOT_FOUND", "registry"],
  ["CRITICAL_VULNS_FOUND", "security"],
  ["ENGINE_UNAVAILABLE", "engine"],
  ["ENGINE_ERROR", "engine"],
];

/** A rule for a tool and a code, some for many, and some with more to ask. */
function ruleOf(at) {
  const [code, category] = CODES[at % CODES.length];
  return {
    name: `rule-${at}`,
    priority: (at * 37) % 1000,
    ...(at % 5 === 0 ? {} : { fromTool: TOOLS[at % TOOLS.length] }),
    ...(at % 7 === 0 ? { categories: [category] } : { errorCodes: [code] }),
    ...(at % 3 === 0 ? { when: { attempts: { atMost: 0 }, autoFix: true, labels: { team: "a" } } } : {}),
    action: "route",
    toTool: TOOLS[(at + 1) % TOOLS.length],
    arguments: { path: "${input.context}", code: "${error.code}" },
    reason: "Because the other tool may know more.",
  };
}

const failures = TOOLS.flatMap((tool, at) =>
  CODES.map(([code, category]) => ({
    tool,
    error: { code, category, retryable: false, message: "it failed", details: { line: at } },
    input: { context: "/app", tags: ["shop:1"] },
    sessionId: "ses_1",
    autoFix: at % 2 === 0,
    labels: at % 3 === 0 ? { team: "a" } : {},
  })),
);

export async function run() {
  const rules = Array.from({ length: RULES }, (_, at) => ruleOf(at));
  const router = createRouter({ rules });
  const ordered = rules.toSorted((one, other) => one.priority - other.priority);
  // Both sides have the same failures in the same order.
  const chains = failures.map((failure, at) => (at % 4 === 0 ? chainOf(router, failure) : undefined));
  const inTurn = (decide) => {
    let at = 0;
    return () => {
      at = (at + 1) % failures.length;
      return decide(failures[at], chains[at]);
    };
  };
  const compared = await compare({
    name: `a decision with ${RULES} rules`,
    ours: inTurn((failure, chain) => void router.decide(failure, chain)),
    baseline: { name: "a scan of all rules", call: inTurn((failure, chain) => void scan(ordered, failure, chain)) },
    calls: 20_000,
  });
  const allowed = { p50: ALLOWED_MS, p95: ALLOWED_MS };
  return [compared, asAllowed({ name: `${compared.name}, the limit`, ours: compared.ours, allowed })];
}

/** A chain that the failure was decided on in once. */
function chainOf(router, failure) {
  const decision = router.decide(failure);
  return decision === null ? undefined : router.after(undefined, failure, decision);
}

/** The plainest way to the same rule. */
function scan(rules, { tool, error, autoFix, labels, input }, chain) {
  const cause = chain?.causes[`${tool} ${error.code}`];
  const found = rules.find(
    ({ name, fromTool, errorCodes, categories, when }) =>
      (fromTool === undefined || fromTool === tool) &&
      (errorCodes === undefined || errorCodes.includes(error.code)) &&
      (categories === undefined || categories.includes(error.category)) &&
      (when === undefined || ((cause?.attempts ?? 0) <= 0 && autoFix && labels.team === "a")) &&
      !cause?.rules.includes(name),
  );
  if (found === undefined) return null;
  return {
    rule: found.name,
    action: "route",
    toTool: found.toTool,
    arguments: { path: input.context, code: error.code },
  };
}
