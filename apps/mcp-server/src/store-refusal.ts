import { defineErrors, isKitError } from "@container-kit/errors";
import { storageErrors } from "@container-kit/storage";

const fail = defineErrors(storageErrors);

/** A store that is refused for where it lies: the library knows why, only the program what its configuration may say. */
export function toRefusal(thrown: unknown): never {
  if (!isKitError(thrown, "STORE_UNAVAILABLE") || thrown.details?.["fileSystem"] === undefined) throw thrown;
  throw fail("STORE_UNAVAILABLE", thrown.message, {
    cause: thrown,
    details: thrown.details,
    remedy:
      "Name a folder on a local disk with CONTAINER_KIT_HOME, or, where one machine alone uses the record, say allowNetworkFileSystem: true in the user's own container-kit.yaml.",
  });
}
