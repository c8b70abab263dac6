/**
 * Installs what is missing on Debian and its kin, without starting any service, and takes it away again.
 *
 * - I1  Only what is absent is installed; what was there before is never removed.
 * - I2  While packages are configured, a policy-rc.d of ours forbids them to start services. One that existed is kept
 *       and obeyed instead; ours is removed on every way out, and by the next set-up or undo if this one was killed.
 * - I3  What will be added is written into the record before it is: a set-up that is killed in the middle is undone too.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { RigError } from "../rig-error.ts";
import { install, planInstall, planPurge, presentPackages, purge } from "./apt.ts";
import { readMade, recordMade } from "./made.ts";
import type { RigPaths } from "./paths.ts";
import { runProgram } from "./process.ts";
import { findProgram } from "./programs.ts";

/** The programs that the rig may need, and the package that brings each. */
const packageOf = {
  dockerd: "docker.io",
  "docker-registry": "docker-registry",
  busybox: "busybox-static",
  podman: "podman",
  sshd: "openssh-server",
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
  await installRecorded(paths, packages);
  for (const need of missing) {
    if ((await findProgram(need)) !== undefined) continue;
    throw new RigError(`${packageOf[need]} was installed but brought no ${need}`, `Put ${need} on PATH and try again.`);
  }
  return packages;
}

/** Installs under I2 and I3. */
async function installRecorded(paths: RigPaths, packages: readonly string[]): Promise<void> {
  const additions = await planInstall(packages);
  recordMade(paths, { installed: [...new Set([...readMade(paths).installed, ...additions])].sort() });
  await withoutServices(paths, () => install(packages));
}

/** Removes the policy-rc.d that a killed set-up left behind. */
export function removeLeftPolicy(paths: RigPaths): void {
  if (readMade(paths).policyFile !== true) return;
  rmSync(POLICY_FILE, { force: true });
  recordMade(paths, { policyFile: false });
}

/** Removes the packages that the rig installed, unless something else has come to need them. Returns what was done. */
export async function removePackages(paths: RigPaths): Promise<string> {
  const present = await presentPackages();
  const ours = readMade(paths).installed.filter((name) => present.has(name));
  if (ours.length === 0) return "none of ours are there any more";
  const others = (await planPurge(ours)).filter((name) => !ours.includes(name));
  if (others.length > 0) return `packages stay, since ${others.join(", ")} needs them by now: ${ours.join(" ")}`;
  await stopServices(ours);
  await withoutServices(paths, () => purge(ours));
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

/** Runs `work` while packages may neither start services nor stop what they never started (I2). */
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

/** After a reboot systemd has started what our packages brought: it is ended before its files go. */
async function stopServices(packages: readonly string[]): Promise<void> {
  if (!existsSync("/run/systemd/system")) return;
  const units = {
    "docker.io": ["docker.socket", "docker"],
    containerd: ["containerd"],
    "docker-registry": ["docker-registry"],
    podman: ["podman.socket", "podman", "podman-auto-update.timer"],
  };
  for (const [name, ofPackage] of Object.entries(units)) {
    if (packages.includes(name)) await runProgram("systemctl", ["stop", ...ofPackage]);
  }
}
