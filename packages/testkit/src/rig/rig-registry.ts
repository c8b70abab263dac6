/**
 * The rig's registry: one real, password-protected registry on loopback that outlives the set-up.
 *
 * - R1  Its password is random, made once, and stands only in files that their owner alone can read.
 * - R2  Its port is kept over restarts where it is still free, so that references pushed yesterday still work.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  basicAuthorization,
  freePort,
  registryAnswers,
  registryStatus,
  writeRegistryFiles,
} from "../registry-process.ts";
import { RigError } from "../rig-error.ts";
import type { RigRegistry } from "../types.ts";
import { readJsonFile, writeWhole } from "./files.ts";
import { findProgram } from "./programs.ts";
import type { RigPaths } from "./paths.ts";
import { tailOf } from "./rig-engine.ts";
import { findProcesses, isOurs, startDetached, stopProcess } from "./process.ts";

const USERNAME = "container-kit";

/** The rig's registry, if it runs, asks for a password and takes ours. */
export async function findRigRegistry(paths: RigPaths): Promise<RigRegistry | undefined> {
  const known = lastStarted(paths);
  if (known === undefined || !isOurs(known.pid, registryMarks(paths))) return undefined;
  const password = readFileSync(known.passwordFile, "utf8");
  const [anonymous, signedIn] = await Promise.all([
    registryStatus(known.host),
    registryStatus(known.host, basicAuthorization(known.username, password)),
  ]);
  return anonymous === 401 && signedIn === 200 ? known : undefined;
}

/** Starts the registry and waits until it asks for its password. */
export async function startRigRegistry(paths: RigPaths): Promise<RigRegistry> {
  const program = await findProgram("docker-registry");
  if (program === undefined) throw new RigError("docker-registry is not on PATH", "Install the package of that name.");
  await stopRigRegistry(paths);
  const passwordFile = join(paths.registryFolder, "password");
  if (!existsSync(passwordFile)) writeWhole(passwordFile, randomBytes(24).toString("base64url"));
  const password = readFileSync(passwordFile, "utf8");
  const log = join(paths.registryFolder, "registry.log");
  const knownHost = lastStarted(paths)?.host ?? "";
  for (const wished of [Number(knownHost.split(":")[1] ?? 0), 0, 0]) {
    const port = await freePort(wished);
    const config = await writeRegistryFiles(paths.registryFolder, port, { [USERNAME]: password });
    const pid = startDetached(program, ["serve", config], log);
    const host = `127.0.0.1:${port}`;
    // Another program may have taken the port in between: then the registry dies, and the next round takes another.
    if (!(await registryAnswers(host, () => isOurs(pid, registryMarks(paths))))) continue;
    const registry = { host, pid, username: USERNAME, passwordFile, ...writeCredentials(paths, host, password) };
    writeWhole(stateFile(paths), `${JSON.stringify(registry, null, 2)}\n`);
    return registry;
  }
  throw new RigError(`docker-registry did not come up; its log ends with:\n${tailOf(log)}`, `Read ${log}.`);
}

/** Ends the registry. Returns whether it ran. */
export async function stopRigRegistry(paths: RigPaths): Promise<boolean> {
  const known = lastStarted(paths)?.pid;
  // Also one that a killed set-up started and had no time to write down.
  const pids = new Set([...(known === undefined ? [] : [known]), ...findProcesses(registryMarks(paths))]);
  let stopped = false;
  for (const pid of pids) stopped = (await stopProcess(pid, registryMarks(paths), 5_000)) || stopped;
  return stopped;
}

function writeCredentials(
  paths: RigPaths,
  host: string,
  password: string,
): Pick<RigRegistry, "netrcFile" | "dockerConfig"> {
  const netrcFile = join(paths.registryFolder, "netrc");
  writeWhole(netrcFile, `machine 127.0.0.1 login ${USERNAME} password ${password}\n`);
  const auth = Buffer.from(`${USERNAME}:${password}`).toString("base64");
  writeWhole(join(paths.dockerConfig, "config.json"), `${JSON.stringify({ auths: { [host]: { auth } } }, null, 2)}\n`);
  return { netrcFile, dockerConfig: paths.dockerConfig };
}

/** The registry that was started last, whether it runs or not. */
function lastStarted(paths: RigPaths): RigRegistry | undefined {
  return readJsonFile(stateFile(paths)) as RigRegistry | undefined;
}

function stateFile(paths: RigPaths): string {
  return join(paths.registryFolder, "registry.json");
}

function registryMarks(paths: RigPaths): string[] {
  return ["docker-registry", join(paths.registryFolder, "config.yml")];
}
