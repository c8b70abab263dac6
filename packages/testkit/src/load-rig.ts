import { readFileSync } from "node:fs";
import { readJsonFile } from "./rig/files.ts";
import { rigPaths } from "./rig/paths.ts";
import { RigError } from "./rig-error.ts";
import type { LoadedRig, Rig } from "./types.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the rig's description is; `npm test` sets it. */
const RIG_VARIABLE = "CONTAINER_KIT_TEST_RIG";
/** Why engine tests are to be skipped; `npm test` sets it where no engine can be had. */
export const SKIP_VARIABLE = "CONTAINER_KIT_TEST_SKIP_ENGINE";

/**
 * Reads the rig that `npm test` or `npm run setup` brought up: `CONTAINER_KIT_TEST_RIG` names its `rig.json`, else the
 * one in the usual folder is taken. Undefined where there is none.
 */
export function loadRig(environment: Environment = process.env): LoadedRig | undefined {
  const file = environment[RIG_VARIABLE] || rigPaths(environment).rigFile;
  const rig = readJsonFile(file) as Rig | undefined;
  if (rig === undefined) {
    if (!environment[RIG_VARIABLE]) return undefined;
    throw new RigError(`${RIG_VARIABLE} names ${file}, which does not exist`, "Run: npm run setup");
  }
  return {
    ...rig,
    password: readFileSync(rig.registry.passwordFile, "utf8"),
    environment: rigEnvironment(rig),
  };
}

/** The rig, or a {@link RigError} that says how to get one. For code that cannot do without. */
export function requireRig(environment: Environment = process.env): LoadedRig {
  const rig = loadRig(environment);
  if (rig === undefined) {
    throw new RigError(environment[SKIP_VARIABLE] || "there is no engine and no registry yet", "Run: npm run setup");
  }
  return rig;
}

/** What a program needs in its environment to work on the rig. */
export function rigEnvironment(rig: Rig): Record<string, string> {
  return {
    DOCKER_HOST: rig.engine.host,
    DOCKER_CONFIG: rig.registry.dockerConfig,
    ...(rig.config === null ? {} : { CONTAINER_KIT_CONFIG: rig.config }),
  };
}
