/**
 * Runs programs under a recorder of what they do to one folder, so that a test can have what a power cut would have left
 * at any moment of it: see {@link readPowerTrace}.
 *
 * - P1  The recorder is compiled from `native/power-cut.c`; {@link nativeObstacle} says where that cannot be.
 * - P2  The folder is empty when the recording begins: what was there before would not be in it.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileNative } from "./native-library.ts";

/** A folder under a recorder. */
export interface PowerRecorder {
  /** The folder whose fate is recorded; empty, absolute. */
  readonly folder: string;
  /** For the environment of the programs that work in it. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file, not in the folder: what a program writes there is noted as said in that moment, in order with all else. */
  readonly said: string;
  /** The recording so far; for {@link readPowerTrace}. */
  readonly trace: string;
  /** Removes everything. */
  readonly close: () => void;
}

/** Makes an empty folder and a recorder for it. @throws RigError where none can be had, `unavailable` */
export async function startPowerRecorder(): Promise<PowerRecorder> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "container-kit-power-")));
  const library = join(base, "recorder.so");
  const folder = join(base, "folder");
  try {
    mkdirSync(folder, { mode: 0o700 });
    await compileNative("power-cut", library);
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    throw error;
  }
  const [said, trace] = [join(base, "said"), join(base, "trace")];
  return {
    folder,
    said,
    trace,
    environment: {
      LD_PRELOAD: library,
      POWER_CUT_ROOT: folder,
      POWER_CUT_TRACE: trace,
      POWER_CUT_SAID: said,
      // Writes through io_uring pass libc by.
      UV_USE_IO_URING: "0",
    },
    close: () => rmSync(base, { recursive: true, force: true }),
  };
}
