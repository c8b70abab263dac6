/**
 * A dockerd of our own, beside whatever else runs on the machine.
 *
 * - E1  It shares nothing with another engine but the bridge docker0: own data, exec-root, socket, pid file and
 *       configuration file. It listens on a unix socket that only its owner can reach.
 * - E2  A start after kill -9 works: a containerd that was left behind is ended and both pid files are removed, because
 *       dockerd believes its containerd's pid file while the dead process waits to be reaped, and then waits in vain.
 *       Shims stay: the new engine adopts them and ends their containers in order.
 * - E3  A stop ends containers too, also those whose engine is dead.
 */
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { RigError } from "../rig-error.ts";
import { identify } from "./discover.ts";
import type { FoundEngine } from "./discover.ts";
import { writeWhole } from "./files.ts";
import { findProgram } from "./programs.ts";
import { readMade, recordMade } from "./made.ts";
import { observeNetwork } from "./network.ts";
import type { RigPaths } from "./paths.ts";
import { absentTraces } from "./traces.ts";
import { childrenOf, findProcesses, isOurs, readPid, runProgram, startDetached, stopProcess } from "./process.ts";

/** After a crash the engine first ends the containers that were running, which may take 10 s. */
const READY_MS = 60_000;

/** An engine that the rig started. */
export interface PrivateEngine extends FoundEngine {
  readonly pid: number;
}

/** The engine's process, if it runs. */
function privateEnginePid(paths: RigPaths): number | undefined {
  const pid = readPid(paths.enginePidFile);
  return isOurs(pid, engineMarks(paths)) ? pid : undefined;
}

/** Our engine, if it runs and answers. */
export async function findRigEngine(paths: RigPaths, signal?: AbortSignal): Promise<PrivateEngine | undefined> {
  const pid = privateEnginePid(paths);
  if (pid === undefined) return undefined;
  const host = `unix://${paths.engineSocket}`;
  try {
    return { pid, host, reason: "started privately by an earlier set-up", ...(await identify(host, signal)) };
  } catch (error) {
    signal?.throwIfAborted();
    // A process of ours that does not answer is stuck or still starting: starting again is up to the caller.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Why this machine cannot run a private engine, whatever is installed; undefined where it can. */
export function privateEngineObstacle(): string | undefined {
  if (process.platform !== "linux") return `a private engine needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "starting a private engine needs root";
  return undefined;
}

export interface StartEngineOptions {
  readonly signal?: AbortSignal;
  /** Further arguments for dockerd. */
  readonly extra?: readonly string[];
  /** True: the kernel kills the engine when this process dies, however it dies. */
  readonly diesWithUs?: boolean;
}

/** Starts the engine and waits until it answers. */
export async function startRigEngine(paths: RigPaths, options: StartEngineOptions = {}): Promise<PrivateEngine> {
  const { signal, extra = [], diesWithUs = false } = options;
  const program = await findProgram("dockerd");
  if (program === undefined) throw new RigError("dockerd is not on PATH", "Install the package docker.io.");
  await endDaemons(paths);
  for (const folder of [paths.folder, paths.runFolder]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const folder of [paths.folder, paths.runFolder]) chmodSync(folder, 0o700);
  writeWhole(paths.engineConfig, "{}\n");
  if (readMade(paths).network === undefined)
    recordMade(paths, { network: await observeNetwork(), absent: absentTraces() });
  const command = [
    ...(diesWithUs ? ["setpriv", "--pdeathsig", "KILL"] : []),
    program,
    ...engineArguments(paths),
    ...extra,
  ];
  const pid = startDetached(command[0] ?? "", command.slice(1), paths.engineLog);
  const host = `unix://${paths.engineSocket}`;
  let absent = 0;
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(40)) {
    signal?.throwIfAborted();
    // A process that is just becoming another program has no command line for a moment.
    absent = isOurs(pid, engineMarks(paths)) ? 0 : absent + 1;
    if (absent > 2) break;
    const answer = await identify(host, signal).catch(() => undefined);
    if (answer !== undefined) return { pid, host, reason: "no other engine answered: started privately", ...answer };
  }
  await stopRigEngine(paths);
  throw new RigError(
    `dockerd did not come up; its log ends with:\n${tailOf(paths.engineLog)}`,
    `Read ${paths.engineLog}; a container without the right to mount or to use cgroups cannot run an engine.`,
  );
}

/** Ends the engine, the containerd and the shims that it left, and what it mounted. Returns whether anything ran. */
export async function stopRigEngine(paths: RigPaths): Promise<boolean> {
  const ran = await endDaemons(paths);
  // What a dockerd that died left behind: shims, which name our containerd's socket, and the containers below them.
  const shims = [`${paths.engineExecRoot}/`];
  const left = findProcesses(shims);
  for (const shim of left) {
    for (const container of childrenOf(shim)) process.kill(container, "SIGKILL");
    await stopProcess(shim, shims, 5_000);
  }
  await unmountBelow([paths.engineDataRoot, paths.engineExecRoot]);
  rmSync(paths.engineSocket, { force: true });
  return ran || left.length > 0;
}

/** Ends dockerd, which ends its containers, and a containerd that outlived it (E2). */
async function endDaemons(paths: RigPaths): Promise<boolean> {
  const containerd = join(paths.engineExecRoot, "containerd");
  let ran = false;
  for (const marks of [engineMarks(paths), ["containerd --config", join(containerd, "containerd.toml")]]) {
    for (const pid of findProcesses(marks)) ran = (await stopProcess(pid, marks)) || ran;
  }
  for (const file of [paths.enginePidFile, join(containerd, "containerd.pid")]) rmSync(file, { force: true });
  return ran;
}

/** The last lines of a log. */
export function tailOf(file: string, lines = 15): string {
  try {
    const { size } = statSync(file);
    const buffer = Buffer.alloc(Math.min(size, 16_384));
    const handle = openSync(file, "r");
    readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    closeSync(handle);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}

function engineArguments(paths: RigPaths): string[] {
  return [
    ["--config-file", paths.engineConfig],
    ["--host", `unix://${paths.engineSocket}`],
    ["--group", "root"],
    ["--data-root", paths.engineDataRoot],
    ["--exec-root", paths.engineExecRoot],
    ["--pidfile", paths.enginePidFile],
    ["--log-level", "warn"],
    ["--shutdown-timeout", "5"],
  ].flat();
}

function engineMarks(paths: RigPaths): string[] {
  return ["dockerd", `--data-root ${paths.engineDataRoot} `];
}

/** Unmounts what is mounted on these folders and below them. */
export async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const point of mountsBelow(folders)) {
    const result = await runProgram("umount", [point]);
    if (result.code !== 0) await runProgram("umount", ["-l", point]);
  }
}

/** What is mounted on these folders and below them, the deepest first. */
export function mountsBelow(folders: readonly string[]): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replaceAll("\\040", " "))
    .filter((point) => folders.some((folder) => point === folder || point.startsWith(join(folder, "/"))))
    .sort((a, b) => b.length - a.length);
}
