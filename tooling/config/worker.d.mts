import type { ChildProcess } from "node:child_process";

/** A running worker and what it has said so far: each line of its output is a JSON object. */
export interface Worker {
  readonly child: ChildProcess;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Resolves with the exit status, or the signal's name, when all it said has been read. */
  readonly ended: Promise<number | string | null>;
}

/** Builds a worker from its TypeScript source and returns the file, which is gone after the tests of the file that asks. */
export declare const buildWorker: (program: URL) => Promise<string>;

/** Starts a worker; whoever starts it ends it. */
export declare const spawnWorker: (file: string, ...args: readonly string[]) => Worker;
