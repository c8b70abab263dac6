import type { Database as SqliteClient } from "better-sqlite3";

const PAGES_PER_STEP = 64;
/** A file is left as it is while fewer pages are free, and while they are a smaller part of it. */
const FREE_PAGES = 256;
const FREE_PART = 0.1;

/** How many pages a file has, and how many of them hold nothing. */
export interface PageCounts {
  readonly free: number;
  readonly pages: number;
}

export function countPages(client: SqliteClient): PageCounts {
  const count = (pragma: string): number => Number(client.pragma(pragma, { simple: true }));
  return { free: count("freelist_count"), pages: count("page_count") };
}

/** Whether so many pages are free that the file is worth being made smaller. */
export function hasManyFree({ free, pages }: PageCounts): boolean {
  return free >= FREE_PAGES && free >= pages * FREE_PART;
}

/** Gives a few free pages back to the disk, where many are free; says whether there are more. One short transaction. */
export function giveBackPages(client: SqliteClient): boolean {
  const before = countPages(client);
  if (!hasManyFree(before)) return false;
  client.pragma(`incremental_vacuum(${PAGES_PER_STEP})`);
  return countPages(client).free < before.free;
}
