/**
 * The processes that the rig starts and later ends.
 *
 * - P1  A process id alone proves nothing, since ids are given again: a process is ours only if its command line also
 *       holds the marks (paths inside the rig's folder) that we started it with. Nothing else is ever signalled.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The outcome of a program that was run to its end. `code` is null when a signal or the deadline ended it. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Milliseconds; 60,000 by default. */
  readonly deadlineMs?: number;
}

/** Runs a program without a shell and without a stdin. Never rejects: a program that cannot be started has code 127. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      [...args],
      {
        timeout: options.deadlineMs ?? 60_000,
        maxBuffer: 64 * 1024 * 1024,
        env: options.environment ?? process.env,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : child.pid ? null : 127;
        resolve({ code, stdout, stderr: stderr === "" && error !== null ? error.message : stderr });
      },
    );
    child.stdin?.end();
  });
}

/** Starts a program that outlives this one; what it prints goes to `log`. Returns its process id. */
export function startDetached(
  file: string,
  args: readonly string[],
  log: string,
  environment: NodeJS.ProcessEnv = process.env,
): number {
  const output = openSync(log, "a", 0o600);
  try {
    const child = spawn(file, args, { detached: true, stdio: ["ignore", output, output], cwd: "/", env: environment });
    // A program that is not there reports it here; the caller sees that it has no process id.
    child.on("error", () => undefined);
    child.unref();
    return child.pid ?? 0;
  } finally {
    closeSync(output);
  }
}

/** Whether the process lives and its command line holds every mark (P1). */
export function isOurs(pid: number | undefined, marks: readonly string[]): pid is number {
  if (pid === undefined || !Number.isInteger(pid) || pid < 2) return false;
  const line = commandLine(pid);
  return line !== "" && marks.every((mark) => line.includes(mark));
}

/** Every live process whose command line holds every mark. Linux only; elsewhere none are found. */
export function findProcesses(marks: readonly string[]): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isOurs(pid, marks));
}

/** Whether any dockerd runs on this machine, ours included. Linux only. */
export function anyEngineRuns(): boolean {
  return findProcesses(["dockerd"]).some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "dockerd";
    } catch {
      return false;
    }
  });
}

/** The direct children of a process. Linux only. */
export function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return children.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Ends a process of ours: asks first, insists after `graceMs`. Returns whether there was one. */
export async function stopProcess(
  pid: number | undefined,
  marks: readonly string[],
  graceMs = 15_000,
): Promise<boolean> {
  if (!isOurs(pid, marks)) return false;
  for (const [signal, waitMs] of [
    ["SIGTERM", graceMs],
    ["SIGKILL", 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return true;
    }
    if (await isGone(pid, marks, waitMs)) return true;
  }
  throw new Error(`process ${pid} does not end`);
}

/** The process id in a file, if the file holds one. */
export function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}

async function isGone(pid: number, marks: readonly string[], waitMs: number): Promise<boolean> {
  for (const deadline = Date.now() + waitMs; Date.now() < deadline; await sleep(30)) {
    if (!isOurs(pid, marks)) return true;
  }
  return false;
}

/** The words of a process's command line, parted by blanks; empty for one that is gone or has ended. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    if (process.platform === "linux") return "";
  }
  try {
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  } catch {
    return "";
  }
}
