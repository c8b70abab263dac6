import { defineErrors, isKitError } from "@container-kit/errors";
import { storageErrors } from "@container-kit/storage";

const fail = defineErrors(storageErrors);

/** What the system says of a folder that cannot be made or written. */
const FOLDER_PROBLEMS = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]);

/**
 * What a store refuses, with the next step that only the program knows: what its configuration may say, and how it was
 * installed. Anything else is thrown as it is.
 */
export function toRefusal(thrown: unknown): never {
  if (codeOf(thrown) === "ERR_DLOPEN_FAILED") {
    throw fail("UNSUPPORTED", `better-sqlite3 was not installed for this Node, ${process.version} on ${process.arch}`, {
      cause: thrown,
      remedy: "Install container-kit again with this Node, or run it with the Node that it was installed with.",
    });
  }
  if (!isKitError(thrown, "STORE_UNAVAILABLE")) throw thrown;
  const { message, details = {}, cause } = thrown;
  const remedy = remedyFor(details, cause);
  throw remedy === undefined ? thrown : fail("STORE_UNAVAILABLE", message, { cause: thrown, details, remedy });
}

function remedyFor(details: Readonly<Record<string, unknown>>, cause: unknown): string | undefined {
  if (details["fileSystem"] !== undefined) {
    return "Name a folder on a local disk with CONTAINER_KIT_HOME, or, where one machine alone uses the record, say allowNetworkFileSystem: true in the user's own container-kit.yaml.";
  }
  if (!FOLDER_PROBLEMS.has(codeOf(cause))) return undefined;
  return "Make the folder writable for this user, or name another one with CONTAINER_KIT_HOME.";
}

function codeOf(thrown: unknown): string {
  return String((thrown as NodeJS.ErrnoException | null | undefined)?.code);
}
