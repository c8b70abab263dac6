/**
 * One set-up at a time for one rig folder.
 *
 * - L1  The lock is a socket that the holder listens on, so the kernel gives it back when the holder dies, however it
 *       dies: there is no stale lock to judge by a process id that another process may have by now.
 * - L2  Who waits is connected to the holder and wakes up in the moment the holder lets go.
 *
 * On Linux the socket has an abstract name and leaves no file. Elsewhere it is a file in the folder; one that nobody
 * listens on is removed.
 */
import { connect, createServer } from "node:net";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { RigError } from "../rig-error.ts";
import { shortHash } from "./paths.ts";

export interface LockOptions {
  /** Milliseconds to wait for another holder. 15 minutes by default: it may be installing. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** Called once with the holder's process id when there is someone to wait for. */
  readonly onWait?: (holder: string) => void;
}

/** Waits until this process holds the folder's lock. Returns the function that lets go of it. */
export async function takeLock(folder: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  const name = process.platform === "linux" ? `\0container-kit-rig-${shortHash(folder)}` : join(folder, "lock");
  const deadline = Date.now() + (options.waitMs ?? 900_000);
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const release = await listen(name);
    if (release !== undefined) return release;
    const remaining = deadline - Date.now();
    if (remaining <= 0) {
      throw new RigError(`another set-up holds the rig in ${folder}`, "Wait for it to end, or end it, and try again.");
    }
    const onHolder = (pid: string): void => {
      if (!told) options.onWait?.(pid);
      told = true;
    };
    await waitForHolder(name, { remaining, signal: options.signal, onHolder });
  }
}

function listen(name: string): Promise<(() => Promise<void>) | undefined> {
  const waiting = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => waiting.delete(socket));
    socket.write(String(process.pid));
  });
  const release = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of waiting) socket.destroy();
    await closed;
  };
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    // Not `unref`: who holds the lock has work to do anyway.
    server.listen(name, () => resolve(release));
  });
}

interface Waiting {
  readonly remaining: number;
  readonly signal: AbortSignal | undefined;
  readonly onHolder: (pid: string) => void;
}

function waitForHolder(name: string, { remaining, signal, onHolder }: Waiting): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(name);
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      socket.destroy();
      // The breath keeps a lock that is taken and lost in turns from spinning this loop.
      setTimeout(resolve, 20);
    };
    const timer = setTimeout(end, remaining);
    signal?.addEventListener("abort", end, { once: true });
    socket.on("data", (pid) => onHolder(pid.toString()));
    socket.on("close", end);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" && !name.startsWith("\0")) rmSync(name, { force: true });
    });
  });
}
