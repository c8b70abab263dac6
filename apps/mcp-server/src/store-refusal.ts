import { defineErrors, isKitError } from "@container-kit/errors";
import { storageErrors } from "@container-kit/storage";

const fail = defineErrors(storageErrors);

/**
 * What a store refuses, with the next step that only the program knows: what its configuration may say, and how it was
 * installed. Anything else is thrown as it is.
 */
export function toRefusal(thrown: unknown): never {
  if (isKitError(thrown, "STORE_UNAVAILABLE") && thrown.details?.["fileSystem"] !== undefined) {
    throw fail("STORE_UNAVAILABLE", thrown.message, {
      cause: thrown,
      details: thrown.details,
      remedy:
        "Name a folder on a local disk with CONTAINER_KIT_HOME, or, where one machine alone uses the record, say allowNetworkFileSystem: true in the user's own container-kit.yaml.",
    });
  }
  if ((thrown as NodeJS.ErrnoException | null)?.code === "ERR_DLOPEN_FAILED") {
    throw fail("UNSUPPORTED", `better-sqlite3 was not installed for this Node, ${process.version} on ${process.arch}`, {
      cause: thrown,
      remedy: "Install container-kit again with this Node, or run it with the Node that it was installed with.",
    });
  }
  throw thrown;
}
