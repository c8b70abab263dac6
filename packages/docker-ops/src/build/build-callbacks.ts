/**
 * The caller's callbacks as a build calls them. One that throws ends the build with what it threw; so does one that
 * returns a promise which rejects while the build runs. A promise that rejects later is heard by nobody.
 */
import type { Redactor } from "@container-kit/observability";
import type { Progress } from "../types.ts";
import type { BuildOptions } from "./types.ts";

export interface BuildCallbacks {
  /** With this build's secrets masked. */
  readonly onLog: (line: string) => void;
  readonly onProgress: (progress: Progress) => void;
  /** Aborted with what a callback's promise rejected with. */
  readonly failed: AbortSignal;
}

export function guardCallbacks(
  { onLog, onProgress }: Pick<BuildOptions, "onLog" | "onProgress">,
  redactor: Redactor,
): BuildCallbacks {
  const failed = new AbortController();
  const fail = (reason: unknown) => failed.abort(reason);
  const call = <Value>(callback: ((value: Value) => unknown) | undefined, value: Value): void => {
    const returned = callback?.(value);
    if (returned instanceof Promise) returned.catch(fail);
  };
  return {
    onLog: (line) => call(onLog, redactor.text(line)),
    onProgress: (progress) => call(onProgress, progress),
    failed: failed.signal,
  };
}
