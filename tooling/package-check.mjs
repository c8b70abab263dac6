#!/usr/bin/env node
/**
 * `pnpm run package-check` in a package: is what its users would install correct?
 *
 * The package is packed as it would be published; publint and attw then look at the archive, not at the sources. A
 * private package has no users and is passed over.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const programs = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", ".bin");
const manifest = JSON.parse(readFileSync("package.json", "utf8"));

/** Runs a program. Returns whether it passed; prints what it said if not. */
function passes(name, args) {
  const { status, stdout, stderr } = spawnSync(join(programs, name), args, { encoding: "utf8" });
  if (status !== 0) console.error(`${manifest.name}: ${name} says\n${stdout}${stderr}`);
  return status === 0;
}

/** Packs the package and runs the checks on the archive. */
function check(folder) {
  if (!passes("pnpm", ["pack", "--pack-destination", folder])) return false;
  const archive = join(folder, readdirSync(folder)[0]);
  const results = [passes("publint", [archive, "--strict"])];
  // A program without a module has no types to look at.
  const hasModule = manifest.exports?.["."] !== undefined;
  if (hasModule) results.push(passes("attw", [archive, "--profile", "esm-only", "--no-emoji"]));
  return results.every(Boolean);
}

if (manifest.private === true) process.exit(0);
if (!existsSync("dist")) {
  console.error(`${manifest.name}: there is no dist to check; run: pnpm build`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "package-check-"));
try {
  process.exitCode = check(folder) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
