import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Why a file could not be read as text: it is no ordinary file, or larger than allowed. */
export class UnreadableFile extends Error {}

/**
 * Reads an ordinary file that a repository brings. A FIFO in its place would hold the reader for ever, also against
 * cancellation, so what is open is looked at first and opening never waits.
 *
 * @throws UnreadableFile, or the system's own error
 */
export async function readTextFile(path: string, largestBytes: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new UnreadableFile("it is no ordinary file");
    if (stats.size > largestBytes) throw new UnreadableFile(`it is larger than ${largestBytes} bytes`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
