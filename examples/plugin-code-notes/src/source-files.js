import { readFile, readdir } from "node:fs/promises";
import { extname, join } from "node:path";

const SKIPPED = new Set([".git", "node_modules", "dist"]);
const LARGEST_FILE = 1024 * 1024;

/** Gives each text file below a folder, one after the other, until the signal aborts. */
export async function* sourceFiles(folder, { signal }) {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    signal.throwIfAborted();
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* sourceFiles(path, { signal });
    if (!entry.isFile()) continue;
    const bytes = await readFile(path);
    if (bytes.length <= LARGEST_FILE && !bytes.includes(0)) {
      yield { path, extension: extname(path) || "none", text: bytes.toString("utf8") };
    }
  }
}
