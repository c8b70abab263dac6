import { createWriteStream } from "node:fs";
import type { Redactor } from "@container-kit/observability";

/** The whole log of a build as a file; the job's resource reads it. */
export interface LogFile {
  write(line: string): void;
  close(): Promise<void>;
}

/** A log that is longer is cut, and says so. */
const LARGEST = 10 * 1024 * 1024;

/** @param path of the file, which is made readable by its owner only */
export function openLogFile(path: string, redactor: Redactor): LogFile {
  const stream = createWriteStream(path, { mode: 0o600 });
  // Of several lines at once: a secret may have more than one.
  const masking = redactor.stream();
  let size = 0;
  // A full disk must not fail the build that it logs: the log then ends early, which its size shows.
  stream.on("error", () => {});
  return {
    write: (line) => {
      if (size > LARGEST || stream.destroyed) return;
      const text = masking.push(`${line}\n`);
      size += text.length;
      stream.write(size > LARGEST ? `[the log is cut here, at ${LARGEST} bytes]\n` : text);
    },
    close: () =>
      new Promise((resolve) => {
        if (stream.closed) resolve();
        else stream.once("close", resolve).end(size > LARGEST ? "" : masking.end());
      }),
  };
}
