import { constants } from "node:fs";
import { open } from "node:fs/promises";

/**
 * Reads an ordinary file that a repository brings. A FIFO in its place would hold the reader for ever, also against
 * cancellation, so what is open is looked at first and opening never waits.
 *
 * @throws Error that says why not: the caller adds the code that it means
 */
export async function readTextFile(path: string, largestBytes: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("it is no ordinary file");
    if (stats.size > largestBytes) throw new Error(`it is larger than ${largestBytes} bytes`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
