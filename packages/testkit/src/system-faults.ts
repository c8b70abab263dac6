/** Lets programs of a test meet a disk that fails and a wall clock that jumps, through `native/faults.c`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { compileNative } from "./native-library.ts";

/** Which calls fail. */
export interface DiskFault {
  /** Only on files below this folder, absolute. */
  readonly folder: string;
  /** Only where the path holds this. */
  readonly path?: string;
  readonly call: "write" | "sync" | "truncate" | "open";
  readonly error: "ENOSPC" | "EIO" | "EROFS" | "EMFILE";
  /** How many such calls go well before. Default 0. */
  readonly after?: number;
  /** How many fail then. Default: all. */
  readonly times?: number;
}

/** Faults that are ready to be used. */
export interface SystemFaults {
  /** For the environment of one program that meets this fault, or none and only the clock. */
  readonly environment: (fault?: DiskFault) => Readonly<Record<string, string>>;
  /** How many calls have failed so far, in all programs. */
  readonly fired: () => number;
  /** Moves the wall clock of all programs so many seconds away from the true time, at once. */
  readonly moveClock: (seconds: number) => void;
  readonly close: () => void;
}

/** Compiles what it takes. @throws RigError, `unavailable` where it cannot be had */
export async function prepareSystemFaults(): Promise<SystemFaults> {
  const base = mkdtempSync(join(tmpdir(), "container-kit-faults-"));
  const close = () => rmSync(base, { recursive: true, force: true });
  const [library, clock, fired] = ["faults.so", "clock", "fired"].map((name) => join(base, name)) as [
    string,
    string,
    string,
  ];
  await compileNative("faults", library).catch((error: unknown) => {
    close();
    throw error;
  });
  const moveClock = (seconds: number) => writeFileSync(clock, `${seconds}                    `.slice(0, 20));
  moveClock(0);
  return {
    environment: (fault) => ({
      LD_PRELOAD: library,
      FAULTS_CLOCK: clock,
      FAULTS_FIRED: fired,
      UV_USE_IO_URING: "0",
      ...(fault === undefined ? {} : { FAULTS_ROOT: fault.folder, FAULTS_DISK: ruleOf(fault) }),
    }),
    fired: () => (existsSync(fired) ? readFileSync(fired, "utf8").split("\n").length - 1 : 0),
    moveClock,
    close,
  };
}

function ruleOf({ call, error, after = 0, times = 2 ** 31, path = "" }: DiskFault): string {
  return `${call} ${constants.errno[error]} ${after} ${times} ${path}`;
}
