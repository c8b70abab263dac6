import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** Files by path; an object is written as JSON. */
export type Files = Readonly<Record<string, string | Readonly<Record<string, unknown>>>>;

/** Makes a repository in a folder of its own, which goes with the test. */
export async function makeRepository(files: Files): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "build-strategy-")));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  }
  return root;
}

/** The lockfile of each package manager: only its name and its first lines are read. */
export const lockfiles = {
  npm: { "package-lock.json": { lockfileVersion: 3 } },
  pnpm: { "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" },
  yarnClassic: { "yarn.lock": "# yarn lockfile v1\n" },
  yarnModern: { "yarn.lock": "__metadata:\n  version: 8\n" },
  bun: { "bun.lock": "{}\n" },
} as const satisfies Record<string, Files>;

/** A clock on which Node 24 is supported and Node 20 is not. */
export const now = new Date("2026-11-01T00:00:00Z");
