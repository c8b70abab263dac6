/** apt-get and dpkg, without questions. */
import { RigError } from "../rig-error.ts";
import { runProgram } from "./process.ts";
import type { ProgramResult } from "./process.ts";
import { systemEnvironment } from "./programs.ts";

/** Packages whose files are on the machine, in whatever state an interrupted dpkg may have left them. */
export async function presentPackages(): Promise<ReadonlySet<string>> {
  const result = await runProgram("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Package}\n"]);
  const lines = result.stdout.split("\n").filter((line) => !/^(not-installed|config-files) /.test(line));
  return new Set(lines.map((line) => line.split(" ")[1] ?? "").filter(Boolean));
}

/**
 * What an installation would add: the packages and their dependencies, without those that it would only bring up to
 * date. Package lists are fetched only when the lists at hand do not know the packages.
 */
export async function planInstall(packages: readonly string[]): Promise<readonly string[]> {
  let plan = await apt(["-s", ...INSTALL, ...packages]);
  if (plan.code !== 0) {
    await updateLists(packages);
    plan = await apt(["-s", ...INSTALL, ...packages]);
  }
  if (plan.code !== 0) throw failure(`apt-get install ${packages.join(" ")}`, plan);
  // `Inst name (new …)`; one that is brought up to date reads `Inst name [old] (new …)`.
  return namesIn(plan, /^Inst (\S+) \(/gm);
}

/** Installs packages; fetches the lists and tries again where the lists at hand name what is gone. */
export async function install(packages: readonly string[]): Promise<void> {
  const first = await apt(["-y", ...INSTALL, ...packages]);
  if (first.code === 0) return;
  await updateLists(packages);
  const second = await apt(["-y", ...INSTALL, ...packages]);
  if (second.code !== 0) throw failure(`apt-get install ${packages.join(" ")}`, second);
}

/** What purging the packages would remove, those that need them included. */
export async function planPurge(packages: readonly string[]): Promise<readonly string[]> {
  return namesIn(await apt(["-s", "purge", ...packages]), /^(?:Remv|Purg) (\S+)/gm);
}

/** Removes packages with their configuration. */
export async function purge(packages: readonly string[]): Promise<void> {
  const result = await apt(["-y", "purge", ...packages]);
  if (result.code !== 0) throw failure("apt-get purge", result);
}

const INSTALL = ["--no-install-recommends", "install"];

async function updateLists(packages: readonly string[]): Promise<void> {
  const result = await apt(["update"]);
  if (result.code !== 0) throw failure(`apt-get update, which installing ${packages.join(" ")} needs`, result);
}

function apt(args: readonly string[]): Promise<ProgramResult> {
  return runProgram("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], {
    environment: { ...systemEnvironment(), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    deadlineMs: 900_000,
  });
}

function namesIn(result: ProgramResult, pattern: RegExp): string[] {
  const names = [...result.stdout.matchAll(pattern)].map((match) => (match[1] ?? "").split(":")[0] ?? "");
  return [...new Set(names)].filter(Boolean);
}

function failure(what: string, result: ProgramResult): RigError {
  const lines = `${result.stdout}\n${result.stderr}`.trim().split("\n");
  return new RigError(`${what} failed: ${lines.slice(-5).join(" / ")}`, "Mend what apt-get says, then try again.");
}
