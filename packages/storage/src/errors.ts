import { commonErrors, defineErrors } from "@container-kit/errors";
import type { ErrorTable } from "@container-kit/errors";

/** The codes of this package. */
export const storageErrors = {
  ...commonErrors,
  STORE_BUSY: {
    category: "session",
    summary: "Another process kept the store locked for longer than this one was willing to wait.",
    remedy: "Call again; if it lasts, find the process that holds the file open and end it.",
    retryable: true,
    fault: "environment",
  },
  STORE_FULL: {
    category: "session",
    summary: "The disk has no room for another entry; what was recorded before is intact.",
    remedy: "Free space on the disk that holds the store and call again.",
    retryable: false,
    fault: "environment",
  },
  STORE_CORRUPT: {
    category: "session",
    summary: "A file of the store is damaged.",
    remedy: "Start again: the start checks the file and sets it aside without deleting it.",
    retryable: false,
    fault: "environment",
  },
  STORE_UNAVAILABLE: {
    category: "session",
    summary: "The store cannot be opened, read or written.",
    remedy: "Check that the folder exists, is writable by this user and lies on a local disk, then start again.",
    retryable: true,
    fault: "environment",
  },
} as const satisfies ErrorTable;

export const fail = defineErrors(storageErrors);
