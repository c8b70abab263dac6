import { cpSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/** Copies the files that belong to the repository, committed or not, into a folder: neither builds nor dependencies. */
export async function copyTree(target) {
  // The folder may belong to somebody else than root, and git is only asked for names.
  const args = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { code, output } = await run("git", args);
  if (code !== 0) throw new Failure(`git ls-files failed: ${output}`, "This needs git, and a clone to copy.");
  for (const name of output.split("\0").filter(Boolean)) {
    const source = join(root, name);
    if (lstatSync(source, { throwIfNoEntry: false }) === undefined) continue;
    cpSync(source, join(target, name), { recursive: true, verbatimSymlinks: true });
  }
}
