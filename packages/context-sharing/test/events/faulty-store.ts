import { defineErrors } from "@container-kit/errors";
import type { Storage } from "@container-kit/storage";

const entry = { category: "session", summary: "-", remedy: "-", retryable: true, fault: "environment" } as const;
const fail = defineErrors({ STORE_BUSY: entry, STORE_FULL: entry });

/** A store whose next writes fail as told. */
export interface FaultyStore {
  readonly wrap: (storage: Storage) => Storage;
  /** Lets so many calls of `writeNow` fail. */
  fault(code: "STORE_BUSY" | "STORE_FULL", times: number): void;
  /** How often one did. */
  fired(): number;
}

/** Makes one; it does what the real store does until it is told otherwise. */
export function faultyStore(): FaultyStore {
  let left = 0;
  let fired = 0;
  let code: "STORE_BUSY" | "STORE_FULL" = "STORE_BUSY";
  return {
    wrap: (storage) => ({
      ...storage,
      shared: {
        path: storage.shared.path,
        statements: storage.shared.statements,
        prepareDirect: (query, bind) => storage.shared.prepareDirect(query, bind),
        read: (work) => storage.shared.read(work),
        write: (work) => storage.shared.write(work),
        writeSoon: (key, work) => storage.shared.writeSoon(key, work),
        flush: () => storage.shared.flush(),
        writeNow(work) {
          if (left === 0) return storage.shared.writeNow(work);
          left -= 1;
          fired += 1;
          throw fail(code, "as told");
        },
      },
    }),
    fault(which, times) {
      code = which;
      left = times;
    },
    fired: () => fired,
  };
}
