/**
 * A note beside a file that it was found to be damaged while it was in use. The next start finds it, sets the file
 * aside and says so: nobody can take a file away from those who have it open.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { identify, ONLY_THIS_USER } from "./files.ts";

interface Note {
  /** Which file was meant; another one of its name is not damaged for it. */
  readonly identity: string;
  readonly damage: string;
}

/** Leaves the note. */
export function markDamaged(file: string, damage: string): void {
  const note: Note = { identity: identify(file), damage };
  writeFileSync(marker(file), JSON.stringify(note), { mode: ONLY_THIS_USER.file });
}

/** What was found to be damaged in this file, or undefined. */
export function findMarkedDamage(file: string): string | undefined {
  try {
    const note = JSON.parse(readFileSync(marker(file), "utf8")) as Note;
    return note.identity === identify(file) ? note.damage : undefined;
  } catch {
    // There is none, or nobody can read it: then the file is looked at anew.
    return undefined;
  }
}

/** Takes the note away. */
export function unmark(file: string): void {
  rmSync(marker(file), { force: true });
}

function marker(file: string): string {
  return `${file}.damage`;
}
