/**
 * A file that only takes up room, to be given up when the disk is full: without room SQLite can neither checkpoint nor
 * could the work that is under way record its end.
 *
 * - B1  It is really written, with bytes that no file system can make smaller.
 * - B2  It appears whole or not at all.
 */
import { randomFillSync, randomUUID } from "node:crypto";
import { existsSync, rmSync, statfsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { ONLY_THIS_USER } from "./files.ts";

const BALLAST_BYTES = 4 * 1024 * 1024;
/** What must be free beside the ballast before the store takes up its work again. */
const SPARE_BYTES = 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** Makes the ballast if there is none. */
export async function makeBallast(file: string): Promise<void> {
  if (existsSync(file)) return;
  const draft = `${file}.new-${randomUUID()}`;
  try {
    const handle = await open(draft, "wx", ONLY_THIS_USER.file);
    try {
      const block = randomFillSync(Buffer.alloc(BLOCK_BYTES));
      for (let written = 0; written < BALLAST_BYTES; written += BLOCK_BYTES) await handle.writeFile(block);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Gives the room back; says whether there was any to give. */
export function releaseBallast(file: string): boolean {
  if (!existsSync(file)) return false;
  rmSync(file, { force: true });
  return true;
}

/** Whether there is room for a ballast and some more. */
export function hasRoom(folder: string, ballast: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  const needed = existsSync(ballast) ? SPARE_BYTES : BALLAST_BYTES + SPARE_BYTES;
  return bavail * bsize >= needed;
}
