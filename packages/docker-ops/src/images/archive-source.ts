import { Readable, Transform, pipeline } from "node:stream";
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";

/** An archive that a caller gave, which may break at any time. */
export interface ArchiveSource {
  /** Runs what reads it; a failure of the archive itself is told before the engine's words about it. */
  own<Result>(run: (archive: Readable) => Promise<Result>): Promise<Result>;
}

/** @throws INVALID_INPUT where it is no stream */
export function watchSource(archive: Readable): ArchiveSource {
  if (!(archive instanceof Readable)) throw notBytes();
  let failure: Error | null = archive.errored;
  archive.on("error", (cause) => (failure ??= cause));
  const throwFailure = (): void => {
    if (failure !== null) throw isKitError(failure) ? failure : unreadable(failure);
  };
  return {
    own: async (run) => {
      throwFailure();
      const bytes = archive.readableObjectMode ? bytesOnly(archive, (cause) => (failure ??= cause)) : archive;
      try {
        return await run(bytes);
      } catch (error) {
        throwFailure();
        throw error;
      }
    },
  };
}

/** A stream of objects may give bytes all the same, as `Readable.from(buffer)` does. */
function bytesOnly(archive: Readable, onError: (cause: Error) => void): Readable {
  const checked = new Transform({
    writableObjectMode: true,
    transform: (chunk: unknown, _encoding, done) => {
      if (typeof chunk === "string" || chunk instanceof Uint8Array) done(null, chunk);
      else done(notBytes());
    },
  });
  pipeline(archive, checked, (cause) => {
    if (cause !== null && cause !== undefined) onError(cause);
  });
  return checked;
}

function notBytes(): Error {
  return fail("INVALID_INPUT", "an archive is loaded from a stream of bytes, and something else was given");
}

function unreadable(cause: Error): Error {
  const isMissing = "code" in cause && cause.code === "ENOENT";
  return fail(isMissing ? "NOT_FOUND" : "INVALID_INPUT", `the archive cannot be read: ${cause.message}`, {
    cause,
    remedy: "Give a stream of a file that is there and may be read.",
  });
}
