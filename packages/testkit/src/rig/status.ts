import type { Rig } from "../types.ts";
import { identify } from "./discover.ts";
import { readJsonFile } from "./files.ts";
import { rigPaths } from "./paths.ts";
import { findRigRegistry } from "./rig-registry.ts";

/** The rig as it is this moment. */
export interface RigStatus {
  readonly folder: string;
  /** What the last set-up left; null where there was none. */
  readonly rig: Rig | null;
  readonly engineAnswers: boolean;
  readonly registryAnswers: boolean;
}

/** Looks at the rig without changing anything. */
export async function rigStatus(environment: Readonly<Record<string, string | undefined>>): Promise<RigStatus> {
  const paths = rigPaths(environment);
  const rig = (readJsonFile(paths.rigFile) as Rig | undefined) ?? null;
  if (rig === null) return { folder: paths.folder, rig, engineAnswers: false, registryAnswers: false };
  const [engineAnswers, registry] = await Promise.all([
    identify(rig.engine.host).then(
      () => true,
      () => false,
    ),
    findRigRegistry(paths),
  ]);
  return { folder: paths.folder, rig, engineAnswers, registryAnswers: registry !== undefined };
}
