/** Every code of the packages that the program is composed of. */
import { pluginErrors, runtimeErrors } from "@container-kit/atomic-runtime";
import { toolErrors } from "@container-kit/atomic-tools";
import { contextErrors, contractKindOf } from "@container-kit/context-sharing";
import type { ErrorKind } from "@container-kit/context-sharing";
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

/** The codes that packages have now. */
export const knownCodes: readonly string[] = Object.keys(TABLES);

/** Undefined for a code that neither a package nor the contract has. */
export function kindOf(code: string): ErrorKind | undefined {
  const entry = Object.hasOwn(TABLES, code) ? TABLES[code] : undefined;
  return entry === undefined ? contractKindOf(code) : { category: entry.category, retryable: entry.retryable };
}
