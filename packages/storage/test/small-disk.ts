import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

/** A file system of a few MiB, or undefined where this user may not mount one. */
export function mountSmallDisk(megabytes: number): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), "container-kit-disk-"));
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder];
  if (spawnSync("mount", options, { stdio: "ignore" }).status !== 0) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  afterAll(() => {
    spawnSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Takes up all the room of a disk but some; returns the file that does. */
export function fillDisk(disk: string, leave = 0): string {
  const file = path.join(disk, "filler");
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  return file;
}

/** Forbids, or allows again, every change of a file or folder, also by root; says whether the file system knows that. */
export function freeze(file: string, frozen: boolean): boolean {
  return spawnSync("chattr", [frozen ? "+i" : "-i", file], { stdio: "ignore" }).status === 0;
}
