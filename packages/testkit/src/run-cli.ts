import { spawn } from "node:child_process";

/** How a command is run. */
export interface RunCliOptions {
  /** Added to this process's environment; an undefined value removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** What the program reads from its stdin; nothing by default. */
  readonly input?: string;
  /** Milliseconds; 120,000 by default. The program is then killed and `code` is null. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Told the process id, so that a test can signal the program while it runs. */
  readonly onStart?: (pid: number) => void;
}

/** How a command ended and what it printed. */
export interface CliResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a built command line with this Node, to its end, as a user would: without a terminal. */
export function runCli(cli: string, args: readonly string[], options: RunCliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: options.cwd,
      env: mergeEnvironment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.deadlineMs ?? 120_000,
      killSignal: "SIGKILL",
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    const kill = (): void => void child.kill("SIGKILL");
    options.signal?.addEventListener("abort", kill, { once: true });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      options.signal?.removeEventListener("abort", kill);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
      });
    });
    // A program that ends without reading its input is not a failure of the test.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    if (child.pid !== undefined) options.onStart?.(child.pid);
  });
}

/** This process's environment with changes; undefined removes. */
export function mergeEnvironment(changes: RunCliOptions["env"] = {}): NodeJS.ProcessEnv {
  const entries = Object.entries({ ...process.env, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}
