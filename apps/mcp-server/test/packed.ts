import { execFile } from "node:child_process";
import { cp, mkdir, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Packs folders as `npm publish` would. Returns the archives. */
export async function pack(folders: readonly string[], into: string): Promise<readonly string[]> {
  await mkdir(into, { recursive: true });
  // npm does not pack a folder of pnpm's store where it lies.
  const copy = join(into, "copy");
  for (const folder of folders) {
    await cp(folder, copy, {
      recursive: true,
      dereference: true,
      filter: (path) => basename(path) !== "node_modules" || path === folder,
    });
    await run("npm", ["pack", copy, "--ignore-scripts", "--pack-destination", into], { cwd: into });
    await rm(copy, { recursive: true });
  }
  return (await readdir(into)).map((file) => join(into, file));
}

/** The zod that this workspace uses, as a package to pack: no test waits for a registry. */
export function zodFolder(): Promise<string> {
  return realpath(dirname(createRequire(import.meta.url).resolve("zod/package.json")));
}

/** Makes a project and installs archives into it, offline. */
export async function installPacked(project: string, archives: readonly string[]): Promise<void> {
  await mkdir(project, { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", ...archives], {
    cwd: project,
  });
}
