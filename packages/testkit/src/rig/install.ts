/**
 * Installs what is missing on Debian and its kin, without starting any service, and takes it away again.
 *
 * - I1  Only what is absent is installed; what was there before is never removed.
 * - I2  While packages are configured, a policy-rc.d of ours forbids them to start services. One that existed is kept
 *       and obeyed instead; ours is removed on every way out, and by the next set-up or undo if this one was killed.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { RigError } from "../rig-error.ts";
import { readMade, recordMade } from "./made.ts";
import type { RigPaths } from "./paths.ts";
import { runProgram } from "./process.ts";
import type { ProgramResult } from "./process.ts";

/** The programs that the rig may need, and the package that brings each. */
const packageOf = {
  dockerd: "docker.io",
  "docker-registry": "docker-registry",
  busybox: "busybox-static",
} as const;

/** A program that the rig may need. */
export type Need = keyof typeof packageOf;

export interface InstallOptions {
  /** False forbids installing. */
  readonly mayInstall: boolean;
  /** Called before a long step with what is about to happen. */
  readonly onStart?: (message: string) => void;
}

const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY =
  "#!/bin/sh\n# Put here by container-kit's set-up while it installs packages: start no service.\nexit 101\n";
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** The environment in which system programs are found, also where a user's PATH lacks the sbin folders. */
export function systemEnvironment(): NodeJS.ProcessEnv {
  const path = [...new Set([...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS])].filter(Boolean);
  return { ...process.env, PATH: path.join(delimiter) };
}

/** Finds a program as a shell would; undefined where there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (systemEnvironment()["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

/** Makes sure that the programs are there. Returns the packages that had to be installed, dependencies included. */
export async function ensurePrograms(
  paths: RigPaths,
  needs: readonly Need[],
  options: InstallOptions,
): Promise<readonly string[]> {
  const missing: Need[] = [];
  for (const need of needs) if ((await findProgram(need)) === undefined) missing.push(need);
  if (missing.length === 0) return [];
  const packages = missing.map((need) => packageOf[need]);
  refuseWhereImpossible(missing, packages, options.mayInstall);
  options.onStart?.(`apt-get install ${packages.join(" ")}`);
  const before = await installedPackages();
  try {
    await withoutServices(paths, () => aptInstall(packages));
  } finally {
    const added = [...(await installedPackages())].filter((name) => !before.has(name));
    recordMade(paths, { installed: [...new Set([...readMade(paths).installed, ...added])].sort() });
  }
  for (const need of missing) {
    if ((await findProgram(need)) !== undefined) continue;
    throw new RigError(`${packageOf[need]} was installed but brought no ${need}`, `Put ${need} on PATH and try again.`);
  }
  return packages;
}

/** Removes the policy-rc.d that a killed set-up left behind. */
export function removeLeftPolicy(paths: RigPaths): void {
  if (readMade(paths).policyFile !== true) return;
  rmSync(POLICY_FILE, { force: true });
  recordMade(paths, { policyFile: false });
}

/** Removes the packages that the rig installed, unless something else has come to need them. Returns what was done. */
export async function removePackages(installed: readonly string[]): Promise<string> {
  const present = await installedPackages();
  const ours = installed.filter((name) => present.has(name));
  if (ours.length === 0) return "no packages of ours";
  const plan = await apt(["-s", "purge", ...ours]);
  const removed = [...plan.stdout.matchAll(/^(?:Remv|Purg) (\S+)/gm)].map((match) => (match[1] ?? "").split(":")[0]);
  const others = removed.filter((name) => name !== undefined && !ours.includes(name));
  if (others.length > 0) return `packages stay, since ${others.join(", ")} needs them by now: ${ours.join(" ")}`;
  const result = await apt(["-y", "purge", ...ours]);
  if (result.code !== 0) {
    throw new RigError(`apt-get purge failed: ${lastLines(result)}`, `Remove them by hand: ${ours.join(" ")}`);
  }
  return `removed ${ours.length} packages: ${ours.join(" ")}`;
}

function refuseWhereImpossible(missing: readonly Need[], packages: readonly string[], mayInstall: boolean): void {
  const what = `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not installed`;
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (!mayInstall) {
    throw new RigError(`${what}, and installing is forbidden`, `Allow it, or install by hand: ${command}`, {
      unavailable: true,
    });
  }
  if (!existsSync("/etc/debian_version") || !existsSync("/usr/bin/apt-get")) {
    throw new RigError(`${what}, and only Debian and its kin are installed on`, `Put ${missing.join(", ")} on PATH.`, {
      unavailable: true,
    });
  }
  if (process.getuid?.() !== 0) {
    throw new RigError(`${what}, and installing needs root`, `Run this as root, or install by hand: ${command}`, {
      unavailable: true,
    });
  }
}

/** Package lists are fetched only when the lists at hand do not serve: they are missing, or name what is gone. */
async function aptInstall(packages: readonly string[]): Promise<void> {
  const install = (): Promise<ProgramResult> => apt(["-y", "--no-install-recommends", "install", ...packages]);
  let result = await install();
  if (result.code !== 0) {
    const update = await apt(["update"]);
    result = await install();
    if (result.code !== 0) {
      throw new RigError(
        `apt-get install ${packages.join(" ")} failed: ${lastLines(result)}${update.code === 0 ? "" : `; apt-get update: ${lastLines(update)}`}`,
        "Mend what apt-get says, then try again.",
      );
    }
  }
}

async function withoutServices(paths: RigPaths, work: () => Promise<void>): Promise<void> {
  if (existsSync(POLICY_FILE)) return work();
  recordMade(paths, { policyFile: true });
  writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    await work();
  } finally {
    removeLeftPolicy(paths);
  }
}

function apt(args: readonly string[]): Promise<ProgramResult> {
  return runProgram("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], {
    environment: { ...systemEnvironment(), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    deadlineMs: 900_000,
  });
}

async function installedPackages(): Promise<Set<string>> {
  const result = await runProgram("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Package}\n"]);
  const lines = result.stdout.split("\n").filter((line) => line.startsWith("installed "));
  return new Set(lines.map((line) => line.slice("installed ".length)));
}

function lastLines(result: ProgramResult): string {
  const text = `${result.stdout}\n${result.stderr}`.trim().split("\n");
  return text.slice(-4).join(" / ");
}
