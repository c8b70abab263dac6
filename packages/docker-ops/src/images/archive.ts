/**
 * Archives of images: those that the engine makes, and those that it takes in.
 *
 * - A1  A saved archive comes to its own end, or its stream ends with an error: the engine's connection may break, go
 *       silent, or end early, and moby writes an error that comes late behind what it has sent.
 * - A2  The deadline holds until the last byte is read, and not only until the first one has come.
 * - A3  What was loaded is told only when the engine shows it.
 */
import { Transform } from "node:stream";
import type { Readable } from "node:stream";
import { DEADLINES, INACTIVITY_MS } from "../wire/deadline.ts";
import { engineCallError, engineMessageError } from "../wire/engine-error.ts";
import { errorOf, readProgress } from "../wire/progress-stream.ts";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { isImageId, parseReference } from "../reference/parse.ts";
import type { LoadResult, OperationOptions } from "../types.ts";
import { familiarNames } from "./familiar-names.ts";
import { isShown } from "./inspect.ts";
import { followTar } from "./tar-end.ts";
import type { TarFollower } from "./tar-end.ts";

type ArchiveOptions = OperationOptions & { readonly signal: AbortSignal };

/** @returns a stream that fails with ENGINE_RESTARTED ENGINE_TIMEOUT ENGINE_PROTOCOL ENGINE_ERROR CANCELLED */
export async function saveImages(
  transport: Transport,
  images: readonly string[],
  options: ArchiveOptions,
): Promise<Readable> {
  const startedAt = performance.now();
  if (!Array.isArray(images) || images.length === 0)
    throw fail("INVALID_INPUT", "an archive needs at least one image", {
      details: { issues: [{ path: "images", message: "is empty" }] },
      remedy: "Name the images that are to be saved.",
    });
  for (const image of images) if (!isImageId(image)) parseReference(image);
  const { signal } = options;
  const operation = `saving ${images.join(", ")}`;
  const query = { names: images };
  const archive = await transport.stream({ method: "GET", path: "/images/get", query, signal, operation });
  return guard(archive, operation, { ...options, startedAt });
}

/** A1 and A2. */
function guard(
  archive: Readable,
  operation: string,
  {
    deadlineMs = DEADLINES.archive,
    inactivityMs = INACTIVITY_MS,
    startedAt,
    signal,
  }: ArchiveOptions & { readonly startedAt: number },
): Readable {
  const tar = followTar();
  const guarded = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      silence.refresh();
      tar.take(chunk);
      done(null, chunk);
    },
    flush: (done) => done(tar.isWhole() ? null : unfinished(tar, operation)),
  });
  const silence = setTimeout(() => {
    // What waits to be read is the reader's silence, and not the engine's.
    if (guarded.readableLength > 0) silence.refresh();
    else
      guarded.destroy(timeout(`${operation} failed: the engine said nothing for ${inactivityMs} ms`, { inactivityMs }));
  }, inactivityMs);
  const deadline = setTimeout(
    () => guarded.destroy(timeout(`${operation} did not finish within ${deadlineMs} ms`, { deadlineMs })),
    startedAt + deadlineMs - performance.now(),
  );
  archive.on("error", (cause) => {
    guarded.destroy(
      signal.aborted
        ? fail("CANCELLED", `${operation} was cancelled`, { cause })
        : engineCallError(cause, { operation }),
    );
  });
  guarded.on("close", () => {
    clearTimeout(silence);
    clearTimeout(deadline);
    archive.destroy();
  });
  // An archive that nobody reads any more must not end the process when its time is up.
  guarded.on("error", () => {});
  return archive.pipe(guarded);
}

function timeout(message: string, details: Readonly<Record<string, number>>): Error {
  return fail("ENGINE_TIMEOUT", message, { details });
}

/** moby, `api/server/router/image`: an error after the first byte is written behind the archive, as in a progress stream. */
function unfinished(tar: TarFollower, operation: string): Error {
  try {
    const message = errorOf(JSON.parse(tar.rest()) as object);
    if (message !== null) return engineMessageError(message, { operation });
  } catch {
    // No words, only an end that came too early.
  }
  return fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer in the middle of the archive`);
}

/** @throws ENGINE_PROTOCOL when the engine names no image, or one that it does not show */
export async function loadImages(
  transport: Transport,
  archive: Readable,
  { onProgress, inactivityMs, signal }: ArchiveOptions,
): Promise<LoadResult> {
  const operation = "loading the archive";
  const images: string[] = [];
  const query = { quiet: true };
  const stream = await transport.stream({ method: "POST", path: "/images/load", query, archive, signal, operation });
  const limits = inactivityMs === undefined ? {} : { inactivityMs };
  for await (const record of readProgress(stream, { operation, signal, ...limits })) {
    const error = errorOf(record);
    if (error !== null) throw engineMessageError(error, { operation });
    const text = record.stream ?? "";
    for (const [, names = ""] of text.matchAll(/Loaded image(?: ID)?(?:\(s\))?: (\S+)/g))
      images.push(...names.split(","));
    if (text.trim() !== "") onProgress?.({ phase: "loading", message: text.trim() });
  }
  if (images.length === 0)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine ended its answer without naming an image`);
  for (const image of images) {
    if (!(await isShown(transport, image, signal)))
      throw fail("ENGINE_PROTOCOL", `the engine says that it loaded ${image} and does not show it`, {
        stage: "read-back",
      });
  }
  return { images: familiarNames(images) };
}
