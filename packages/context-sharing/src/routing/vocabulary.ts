/**
 * The names that a rule may use. A rule about a tool or code that nobody has would never apply, and nobody would notice.
 *
 * - V1  The contract's names count whether or not what they name is loaded here: one configuration serves servers with
 *       different toolsets. Whether a tool can be called is asked at each decision.
 */
const CONTRACT_TOOLS = words(`
  analyze_repository generate_dockerfile validate_dockerfile build_image
  pull_image push_image tag_image inspect_image validate_credentials
  scan_security scan_secrets generate_remediation
  generate_manifests deploy_kubernetes validate_deployment prepare_cluster
  execute_workflow execute_custom_workflow validate_workflow workflow_status control_workflow
  sandbox_run
  list_sessions get_session get_job cancel_job
  server_status`);

const CONTRACT_CODES: Readonly<Record<string, readonly string[]>> = {
  input: words("INVALID_INPUT INVALID_REFERENCE PATH_DENIED NOT_FOUND CONFLICT UNSUPPORTED"),
  engine: words(`
    ENGINE_UNAVAILABLE ENGINE_FORBIDDEN ENGINE_BAD_ENDPOINT ENGINE_TIMEOUT ENGINE_PROTOCOL ENGINE_ERROR
    ENGINE_RESTARTED ENGINE_DISK_FULL`),
  registry: words(`
    AUTH_FAILED REGISTRY_DENIED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED REGISTRY_TLS IMAGE_NOT_FOUND
    DIGEST_MISMATCH PUSH_UNVERIFIED CREDENTIAL_HELPER_FAILED`),
  build: words("DOCKERFILE_INVALID BUILD_FAILED CONTEXT_INVALID BASE_IMAGE_UNAVAILABLE"),
  security: words(`
    SCANNER_UNAVAILABLE SCAN_FAILED REPORT_INVALID CRITICAL_VULNS_FOUND SECRETS_FOUND POLICY_DENIED`),
  session: words(`
    SESSION_NOT_FOUND SESSION_EXPIRED JOB_NOT_FOUND STORE_BUSY STORE_FULL STORE_CORRUPT STORE_UNAVAILABLE`),
  runtime: words(`
    TOOL_NOT_FOUND TOOL_TIMEOUT CANCELLED INTERRUPTED OUTPUT_INVALID CIRCUIT_OPEN OVERLOADED PLUGIN_INVALID INTERNAL`),
  workflow: words("WORKFLOW_INVALID WORKFLOW_FAILED STEP_FAILED RUN_NOT_FOUND RUN_CONFLICT"),
  sandbox: words("SANDBOX_DENIED SANDBOX_UNAVAILABLE SANDBOX_TIMEOUT SANDBOX_OOM SANDBOX_OUTPUT_LIMIT"),
  deploy: words("MANIFEST_INVALID CLUSTER_UNAVAILABLE DEPLOYMENT_FAILED"),
};

/** Those that the contract calls retryable. */
const RETRYABLE: ReadonlySet<string> = new Set(
  words(`
    ENGINE_UNAVAILABLE ENGINE_TIMEOUT ENGINE_RESTARTED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED
    STORE_BUSY STORE_UNAVAILABLE TOOL_TIMEOUT INTERRUPTED CIRCUIT_OPEN OVERLOADED CLUSTER_UNAVAILABLE`),
);

const CATEGORY_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(CONTRACT_CODES).flatMap(([category, codes]) => codes.map((code) => [code, category] as const)),
);

/** What is fixed about an error by its code. */
export interface ErrorKind {
  readonly category: string;
  readonly retryable: boolean;
}

/** What the contract says of a code, also of one that no package has yet; undefined where it does not have it. */
export function contractKindOf(code: string): ErrorKind | undefined {
  const category = CATEGORY_OF.get(code);
  return category === undefined ? undefined : { category, retryable: RETRYABLE.has(code) };
}

/** Which names rules may use. */
export interface Vocabulary {
  readonly tools: ReadonlySet<string>;
  readonly codes: ReadonlySet<string>;
  readonly categories: ReadonlySet<string>;
}

/** (V1) The contract's names, and further ones. */
export function vocabularyOf(tools: readonly string[] = [], codes: readonly string[] = []): Vocabulary {
  return {
    tools: new Set([...CONTRACT_TOOLS, ...tools]),
    codes: new Set([...Object.values(CONTRACT_CODES).flat(), ...codes]),
    categories: new Set(Object.keys(CONTRACT_CODES)),
  };
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
