/** Every code of the packages that the program is composed of, and of those that come later. */
import { pluginErrors, runtimeErrors } from "@container-kit/atomic-runtime";
import { toolErrors } from "@container-kit/atomic-tools";
import { contextErrors } from "@container-kit/context-sharing";
import { dockerErrors } from "@container-kit/docker-ops";
import type { ErrorTable } from "@container-kit/errors";
import { sessionErrors } from "@container-kit/session";
import { storageErrors } from "@container-kit/storage";

const TABLES: ErrorTable = {
  ...dockerErrors,
  ...storageErrors,
  ...sessionErrors,
  ...toolErrors,
  ...runtimeErrors,
  ...pluginErrors,
  ...contextErrors,
};

/** Those of the contract that no package has yet: rules may name them already. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  security: ["SCANNER_UNAVAILABLE", "SCAN_FAILED", "REPORT_INVALID", "CRITICAL_VULNS_FOUND", "SECRETS_FOUND"],
  workflow: ["WORKFLOW_INVALID", "WORKFLOW_FAILED", "STEP_FAILED", "RUN_NOT_FOUND", "RUN_CONFLICT"],
  sandbox: ["SANDBOX_DENIED", "SANDBOX_UNAVAILABLE", "SANDBOX_TIMEOUT", "SANDBOX_OOM", "SANDBOX_OUTPUT_LIMIT"],
  deploy: ["MANIFEST_INVALID", "CLUSTER_UNAVAILABLE", "DEPLOYMENT_FAILED"],
};
const LATER_RETRYABLE = new Set(["CLUSTER_UNAVAILABLE"]);

/** The codes that packages have now. */
export const knownCodes: readonly string[] = Object.keys(TABLES);

/** What is fixed about an error by its code. */
export interface ErrorKind {
  readonly category: string;
  readonly retryable: boolean;
}

/** Undefined for a code that nobody has. */
export function kindOf(code: string): ErrorKind | undefined {
  const entry = Object.hasOwn(TABLES, code) ? TABLES[code] : undefined;
  if (entry !== undefined) return { category: entry.category, retryable: entry.retryable };
  const [category] = Object.entries(LATER).find(([, codes]) => codes.includes(code)) ?? [];
  return category === undefined ? undefined : { category, retryable: LATER_RETRYABLE.has(code) };
}
