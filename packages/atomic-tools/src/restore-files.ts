/**
 * Takes files back to what they were.
 *
 * - S1  A file whose content is no longer what was written belongs to somebody else, and stays.
 * - S2  What a file held is kept only where it may be kept: not what looks like a secret, and not more than 64 KiB. One
 *       that stays beside under another name comes back from there, whatever it held.
 */
import { createHash, randomUUID } from "node:crypto";
import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ToolContext } from "@container-kit/atomic-runtime";
import type { Redactor } from "@container-kit/observability";
import { z } from "zod";
import { fail } from "./errors.ts";

const LARGEST_KEPT = 64 * 1024;

const note = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      /** Of what was about to be written. */
      sha256: z.string(),
      before: z.union([
        z.object({ state: z.literal("absent") }),
        z.object({ state: z.literal("kept"), content: z.string(), mode: z.int() }),
        z.object({ state: z.literal("unknown") }),
        z.object({ state: z.literal("beside"), path: z.string() }),
      ]),
    }),
  ),
});

type Before = z.output<typeof note>["files"][number]["before"];

/** A file that is about to be written. */
interface NewFile {
  /** Relative to the root. */
  readonly path: string;
  readonly content: string;
}

/** Files that are about to be written. */
export interface NewFiles {
  readonly root: string;
  readonly files: readonly NewFile[];
  /** By the path of a file that is replaced: the name under which it will stay. */
  readonly kept?: Readonly<Record<string, string>>;
}

/** Notes what is at the places of files before they are written. */
export async function noteFiles(
  { root, files, kept = {} }: NewFiles,
  redactor: Redactor,
  context: Pick<ToolContext, "willMake">,
): Promise<void> {
  const noted = await Promise.all(
    files.map(async ({ path, content }) => {
      const absolute = join(root, path);
      const beside = kept[path];
      const before: Before =
        beside === undefined ? await look(absolute, redactor) : { state: "beside", path: join(root, beside) };
      return { path: absolute, sha256: hashOf(content), before };
    }),
  );
  const changed = noted.filter(({ sha256, before }) => before.state !== "kept" || hashOf(before.content) !== sha256);
  if (changed.length > 0) await context.willMake({ files: changed });
}

/** Takes back what the notes tell of. @throws CONFLICT where a file is replaced and nobody knows what it held */
export async function restoreFiles(notes: readonly unknown[]): Promise<void> {
  const lost: string[] = [];
  for (const one of notes) {
    for (const { path, sha256, before } of note.parse(one).files) {
      if (!(await holds(path, sha256))) {
        if (before.state === "beside") await dropSecondName(path, before.path);
        continue;
      }
      if (before.state === "absent") await rm(path);
      else if (before.state === "kept") await replace(path, before);
      else if (before.state === "unknown" || !(await moveBack(before.path, path))) lost.push(path);
    }
  }
  if (lost.length === 0) return;
  throw fail("CONFLICT", `${lost.join(" and ")} cannot be taken back: what was there before is not known`, {
    details: { paths: lost },
    remedy: "Take the file from version control.",
  });
}

/** (S2) */
async function look(path: string, redactor: Redactor): Promise<Before> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile() || stats.size > LARGEST_KEPT) return { state: "unknown" };
    const content = await readFile(path, "utf8");
    if (redactor.text(content) !== content || content.includes("\uFFFD")) return { state: "unknown" };
    return { state: "kept", content, mode: stats.mode & 0o777 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { state: "absent" };
    throw error;
  }
}

/** (S1) */
async function holds(path: string, sha256: string): Promise<boolean> {
  try {
    if (!(await lstat(path)).isFile()) return false;
    return hashOf(await readFile(path, "utf8")) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Says whether it was still there. */
async function moveBack(beside: string, path: string): Promise<boolean> {
  try {
    await rename(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** After a death between the second name and the replacement, both are the same file. (S1) Anything else stays. */
async function dropSecondName(path: string, beside: string): Promise<void> {
  const [one, other] = await Promise.all([path, beside].map((file) => lstat(file).catch(() => null)));
  if (one !== null && other !== null && one?.ino === other?.ino && one?.dev === other?.dev) await rm(beside);
}

async function replace(path: string, { content, mode }: Extract<Before, { state: "kept" }>): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(beside, content, { flag: "wx", mode });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
