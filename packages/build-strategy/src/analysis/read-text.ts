import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import type { AnalysisWarning } from "../types.ts";

/** Whether an absolute path lies in an absolute folder; both without symbolic links. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Whether a path exists and ends inside the root. */
export async function existsInside(root: string, path: string): Promise<boolean> {
  try {
    await lstat(join(root, path));
    return isInside(root, await realpath(join(root, path)));
  } catch {
    return false;
  }
}

export interface Reading {
  readonly root: string;
  readonly path: string;
  readonly limit: number;
  readonly warnings: AnalysisWarning[];
  readonly cut?: boolean;
}

/** The text of a file of the tree, or null; never a file outside it, a pipe or a device. */
export async function readText({ root, path, limit, warnings, cut = false }: Reading): Promise<string | null> {
  try {
    const target = await realpath(join(root, path));
    if (!isInside(root, target)) return null;
    const file = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return null;
      if (stats.size > limit && !cut) {
        warnings.push({
          code: "FILE_TOO_LARGE",
          message: `${path} is larger than ${limit} bytes and was not read.`,
          file: path,
        });
        return null;
      }
      const buffer = Buffer.alloc(Math.min(stats.size, limit));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.toString("utf8", 0, bytesRead).replace(/^\uFEFF/, "");
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      warnings.push({ code: "FILE_UNREADABLE", message: `${path} cannot be read (${String(code)}).`, file: path });
    }
    return null;
  }
}
