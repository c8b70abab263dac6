/**
 * Puts a generated Dockerfile and its .dockerignore where they belong.
 *
 * - W1  Nothing that exists is replaced unless `overwrite` says so; a file with the same content is left as it is.
 * - W2  Nothing outside the root is written: every folder on the way must be a real one, and a symbolic link at the place
 *       of the file is never followed; with `overwrite` the link itself is replaced.
 * - W3  Both files or none is decided before the first is written, and each appears whole: written beside, then moved.
 * - W4  A Dockerfile that is replaced stays under another name beside it, where the caller names one; nothing that has
 *       that name is lost for it.
 */
import { randomUUID } from "node:crypto";
import { copyFile, constants, link, lstat, readFile, realpath, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinPath, nameOf, parentOf } from "./analysis/path.ts";
import { isInside } from "./analysis/read-text.ts";
import { fail } from "./errors.ts";
import type { GeneratedDockerfile } from "./generate-dockerfile.ts";

/** How what was generated is written. */
export interface WriteOptions {
  /** Replace files that exist with another content. Default: false. */
  readonly overwrite?: boolean;
  /** Under which name a Dockerfile that is replaced stays, relative to the root; see {@link nameForKept}. Default: it goes. */
  readonly keepAs?: string | null;
}

/** What was done to which file; paths are relative to the root. */
export interface WrittenFiles {
  readonly written: readonly { readonly path: string; readonly bytes: number; readonly replaced: boolean }[];
  /** Files that had this content already. */
  readonly unchanged: readonly string[];
  /** The name that a replaced Dockerfile has now; null where none was replaced or kept. */
  readonly kept: string | null;
}

type Files = Pick<GeneratedDockerfile, "dockerfile" | "dockerignore">;

interface Target {
  readonly path: string;
  readonly absolute: string;
  readonly content: string;
  readonly state: "absent" | "same" | "different";
}

/**
 * Writes the two files below `root`. Throws `CONFLICT` when one exists with another content and `overwrite` is not set,
 * `NOT_FOUND` when the folder is missing, and `INVALID_INPUT` for a path that leads out of the root.
 */
export async function writeDockerfile(
  root: string,
  generated: Files,
  { overwrite = false, keepAs = null }: WriteOptions = {},
): Promise<WrittenFiles> {
  const base = await realRoot(root);
  const targets = [await inspect(base, generated.dockerfile), await inspect(base, generated.dockerignore)];
  const inTheWay = targets.filter((target) => target.state === "different").map((target) => target.path);
  // (W1) (W3)
  if (inTheWay.length > 0 && !overwrite) throw conflict(inTheWay);
  const pending = targets.filter((target) => target.state !== "same");
  const [dockerfile] = targets;
  const kept = dockerfile?.state === "different" ? keepAs : null;
  if (dockerfile !== undefined && kept !== null)
    await keep(dockerfile, (await inspect(base, { path: kept, content: "" })).absolute);
  for (const target of pending) await place(target, overwrite);
  return {
    written: pending.map(({ path, content, state }) => ({
      path,
      bytes: Buffer.byteLength(content),
      replaced: state === "different",
    })),
    unchanged: targets.filter((target) => target.state === "same").map((target) => target.path),
    kept,
  };
}

const MOST_KEPT = 99;

/**
 * A free name for the Dockerfile that these files would replace: `Dockerfile.bak`, `Dockerfile.2.bak` and so on; null
 * where none would be replaced. Throws `CONFLICT` when all of them are taken, and what {@link writeDockerfile} throws.
 */
export async function nameForKept(root: string, { dockerfile }: Pick<Files, "dockerfile">): Promise<string | null> {
  const base = await realRoot(root);
  if ((await inspect(base, dockerfile)).state !== "different") return null;
  for (let number = 1; number <= MOST_KEPT; number += 1) {
    const path = `${dockerfile.path}${number === 1 ? "" : `.${number}`}.bak`;
    if ((await inspect(base, { path, content: "" })).state === "absent") return path;
  }
  throw fail("CONFLICT", `${dockerfile.path} has ${MOST_KEPT} kept versions beside it already`, {
    remedy: `Remove those that nobody needs: ${dockerfile.path}*.bak.`,
    details: { paths: [dockerfile.path] },
  });
}

/** (W4) A second name for the same file, so that there is no moment without the first; a copy where there are no links. */
async function keep({ path, absolute }: Target, beside: string): Promise<void> {
  try {
    await link(absolute, beside).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw error;
      return copyFile(absolute, beside, constants.COPYFILE_EXCL);
    });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") throw conflict([beside]);
    throw fail("INVALID_INPUT", `${path} cannot be kept as ${nameOf(beside)}, so it is not replaced`, {
      cause,
      remedy: "Give this user the right to write there.",
      details: { path },
    });
  }
}

function conflict(paths: readonly string[]): Error {
  return fail("CONFLICT", `${paths.join(" and ")} ${paths.length === 1 ? "exists" : "exist"} with another content`, {
    remedy: "Repeat with overwrite if the existing content may go, or keep the file and build with it.",
    details: { paths },
  });
}

async function realRoot(root: string): Promise<string> {
  try {
    return await realpath(root);
  } catch (cause) {
    throw fail("NOT_FOUND", `${root} does not exist`, { cause, details: { path: root } });
  }
}

async function inspect(
  base: string,
  { path: said, content }: { readonly path: string; readonly content: string },
): Promise<Target> {
  const path = joinPath(said);
  if (said.startsWith("/") || said.includes("\0") || path === "." || path.startsWith("..")) throw outside(said);
  const folder = join(base, parentOf(path));
  let real: string;
  try {
    real = await realpath(folder);
  } catch (cause) {
    throw fail("NOT_FOUND", `the folder ${parentOf(path)} does not exist`, { cause, details: { path } });
  }
  // (W2)
  if (real !== folder || !isInside(base, real)) throw outside(said);
  const absolute = join(folder, nameOf(path));
  return { path, absolute, content, state: await stateOf(absolute, content) };
}

function outside(path: string): Error {
  return fail("INVALID_INPUT", `${path} leads out of the repository or through a symbolic link`, {
    remedy: "Replace the link by a folder, or write the file by hand.",
    details: { path },
  });
}

async function stateOf(absolute: string, content: string): Promise<Target["state"]> {
  try {
    const stats = await lstat(absolute);
    if (stats.isDirectory())
      throw fail("CONFLICT", `${absolute} is a folder`, {
        remedy: "Move the folder away.",
        details: { path: absolute },
      });
    if (!stats.isFile() || stats.size !== Buffer.byteLength(content)) return "different";
    return (await readFile(absolute, "utf8")) === content ? "same" : "different";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "absent";
    throw error;
  }
}

/** (W3) A link appears only where nothing is, so a file that came in between is not replaced either. */
async function place({ path, absolute, content }: Target, overwrite: boolean): Promise<void> {
  const beside = `${absolute}.${randomUUID()}.tmp`;
  try {
    await writeFile(beside, content, { flag: "wx", mode: 0o644 });
    if (overwrite) await rename(beside, absolute);
    else await link(beside, absolute);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") throw conflict([path]);
    throw fail("INVALID_INPUT", `${path} cannot be written`, {
      cause,
      remedy: "Give this user the right to write there.",
      details: { path },
    });
  } finally {
    await unlink(beside).catch(() => undefined);
  }
}
