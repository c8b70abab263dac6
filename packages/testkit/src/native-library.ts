/**
 * Libraries of `native/` that are loaded before libc, compiled where they are used.
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { RigError } from "./rig-error.ts";
import { findProgram } from "./rig/programs.ts";

/** Why no library of `native/` can be used here; undefined where they can. */
export async function nativeObstacle(): Promise<string | undefined> {
  if (process.platform !== "linux") return `standing before libc needs Linux, and this is ${process.platform}`;
  if ((await findProgram("gcc")) === undefined) return "there is no gcc to compile with";
  return undefined;
}

/** Compiles one into this file. @throws RigError, `unavailable` where it cannot be used here */
export async function compileNative(name: "power-cut" | "faults", library: string): Promise<void> {
  const obstacle = await nativeObstacle();
  if (obstacle !== undefined) throw new RigError(obstacle, "Install gcc on Linux.", { unavailable: true });
  const source = fileURLToPath(new URL(`../native/${name}.c`, import.meta.url));
  const flags = ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"];
  await promisify(execFile)("gcc", flags, { timeout: 60_000 }).catch((error: unknown) => {
    rmSync(library, { force: true });
    throw new RigError(`native/${name}.c cannot be compiled: ${String(error)}`, "See what gcc says.");
  });
}
