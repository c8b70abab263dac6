/**
 * Opens a file of the context for reading, and only that file.
 *
 * - O1  The last part is not followed when it is a link (`O_NOFOLLOW`), and nothing blocks on a FIFO.
 * - O2  What is open is what was listed: the folders above are still those, and the size is the same. Swapping a folder
 *       for a link while we read sends nothing from outside.
 */
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail } from "../errors.ts";
import type { ContextEntry } from "./walk.ts";

/** @param root absolute, with every symbolic link resolved. @throws CONTEXT_INVALID */
export async function openEntry(root: string, entry: ContextEntry): Promise<FileHandle> {
  const absolute = join(root, entry.path);
  let file: FileHandle;
  try {
    file = await open(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw fail("CONTEXT_INVALID", `${entry.path} of the build context cannot be read`, {
      cause,
      details: { path: entry.path },
    });
  }
  const stats = await file.stat();
  // /proc names the file that is really open; where it does not exist, the folder's real path is the next best.
  const opened = await realpath(`/proc/self/fd/${file.fd}`).catch(async () =>
    join(await realpath(dirname(absolute)), entry.path.slice(entry.path.lastIndexOf("/") + 1)),
  );
  if (stats.isFile() && stats.size === entry.size && opened === absolute) return file;
  await file.close();
  throw changed(entry);
}

export function changed({ path }: ContextEntry): Error {
  return fail("CONTEXT_INVALID", `${path} changed while it was read`, { details: { path } });
}
