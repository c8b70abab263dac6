/**
 * The sum of a package's files.
 *
 * - I1  Every file of the package counts, by path and content; what is installed into its `node_modules` does not.
 * - I2  A symbolic link that leads out of the package is refused: a reader of the package would follow it.
 */
import { createHash } from "node:crypto";
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { fail } from "../errors.ts";
import { isInside } from "./package-folder.ts";

const MOST_FILES = 20_000;
const MOST_BYTES = 256 * 1024 * 1024;

/** `sha256-…` in base64, over the package's files. @throws PLUGIN_INVALID */
export async function sumPackage(folder: string): Promise<string> {
  const files = await listFiles(folder);
  const sum = createHash("sha256");
  let bytes = 0;
  for (const file of files.sort()) {
    bytes += (await stat(file)).size;
    if (bytes > MOST_BYTES) throw fail("PLUGIN_INVALID", `${folder} holds more than ${MOST_BYTES} bytes`);
    const content = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    sum.update(`${relative(folder, file)}\0${content}\n`);
  }
  return `sha256-${sum.digest("base64")}`;
}

/** Refuses links that lead out of a folder of code. @throws PLUGIN_INVALID */
export async function checkLinks(folder: string): Promise<void> {
  await listFiles(folder);
}

async function listFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (current: string): Promise<void> => {
    for (const entry of await readdir(current, { withFileTypes: true })) {
      if (entry.name === "node_modules" || entry.name === ".git") continue;
      const path = join(current, entry.name);
      if (entry.isDirectory()) await visit(path);
      else if (entry.isSymbolicLink()) await checkLink(folder, path, files);
      else if (entry.isFile()) files.push(path);
      if (files.length > MOST_FILES) throw fail("PLUGIN_INVALID", `${folder} holds more than ${MOST_FILES} files`);
    }
  };
  await visit(folder);
  return files;
}

async function checkLink(folder: string, path: string, files: string[]): Promise<void> {
  const target = await realpath(path).catch(() => undefined);
  // A link to nowhere can be followed by nobody.
  if (target === undefined) return;
  if (!isInside(target, folder)) throw fail("PLUGIN_INVALID", `${path} is a link that leads out of its package`);
  if ((await stat(target)).isFile()) files.push(path);
}
