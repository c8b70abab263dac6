/**
 * The record of what the rig did to the machine, so that undo is exact.
 *
 * - M1  A thing is recorded before it is done, or in the same breath: a set-up that is killed in the middle is undone too.
 */
import { readJsonFile, writeWhole } from "./files.ts";
import type { NetworkBefore } from "./network.ts";
import type { RigPaths } from "./paths.ts";

export interface Made {
  /** Packages that were not installed before. */
  readonly installed: readonly string[];
  /** Set while a policy-rc.d of ours forbids packages to start services. */
  readonly policyFile?: boolean;
  /** The network as it was before our engine first started. */
  readonly network?: NetworkBefore;
  /** Whether Podman's bridge was there before our Podman first started. */
  readonly podmanBridge?: boolean;
  /** Known traces of an engine outside its folder that were not there before it. */
  readonly absent?: readonly string[];
  /** Images that we put into an engine, which may not be ours. */
  readonly images: readonly { readonly host: string; readonly image: string }[];
  /** Whether an engine could pull, and when it was asked. */
  readonly pulling?: { readonly host: string; readonly possible: boolean; readonly at: number };
}

const nothing: Made = { installed: [], images: [] };

/** What was done so far. */
export function readMade(paths: RigPaths): Made {
  return { ...nothing, ...(readJsonFile(paths.madeFile) as Made | undefined) };
}

/** Adds to the record at once. */
export function recordMade(paths: RigPaths, change: Partial<Made>): void {
  writeWhole(paths.madeFile, `${JSON.stringify({ ...readMade(paths), ...change }, null, 2)}\n`);
}
