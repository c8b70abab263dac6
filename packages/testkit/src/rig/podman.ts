/**
 * Podman beside the engine, for tests that run on both: its service, with its own configuration and its own storage.
 *
 * - O1  It shares nothing with a Podman of the user's: configuration, images, containers, volumes, networks, events and
 *       locks are below the rig's folder. Its files say so through the CONTAINERS_* variables; nothing in /etc is touched.
 * - O2  It takes plain HTTP from every registry on 127.0.0.1, as Docker does of itself.
 * - O3  It makes do with little: cgroupfs in place of systemd, runc where there is one, and limits that a machine without
 *       CAP_SYS_RESOURCE can grant.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RigError } from "../rig-error.ts";
import type { RigEngine } from "../types.ts";
import { identify } from "./discover.ts";
import { writeWhole } from "./files.ts";
import { readMade, recordMade } from "./made.ts";
import { podmanBridgeExists } from "./network.ts";
import type { RigPaths } from "./paths.ts";
import { absentTraces } from "./traces.ts";
import { childrenOf, findProcesses, startDetached, stopProcess } from "./process.ts";
import { findProgram, systemEnvironment } from "./programs.ts";
import { tailOf, unmountBelow } from "./rig-engine.ts";

const READY_MS = 20_000;

/** The rig's Podman, if it runs and answers. */
export async function findRigPodman(paths: RigPaths, signal?: AbortSignal): Promise<RigEngine | undefined> {
  const [pid] = findProcesses(podmanMarks(paths));
  const answer = pid === undefined ? undefined : await identify(hostOf(paths), signal).catch(() => undefined);
  if (pid === undefined || answer === undefined) return undefined;
  return { ...answer, host: hostOf(paths), private: true, pid, reason: "the second engine of the tests" };
}

/** Starts Podman's service and waits until it answers. */
export async function startRigPodman(paths: RigPaths, signal?: AbortSignal): Promise<RigEngine> {
  const program = await findProgram("podman");
  if (program === undefined) throw new RigError("podman is not on PATH", "Install the package podman.");
  await stopRigPodman(paths);
  const { absent = [], podmanBridge = podmanBridgeExists() } = readMade(paths);
  recordMade(paths, { absent: [...new Set([...absent, ...absentTraces()])], podmanBridge });
  const environment = { ...systemEnvironment(), ...(await writePodmanFiles(paths)) };
  const log = join(paths.podmanFolder, "podman.log");
  startDetached(program, ["system", "service", "--time=0", hostOf(paths)], log, environment);
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(40)) {
    signal?.throwIfAborted();
    if (findProcesses(podmanMarks(paths)).length === 0) break;
    const engine = await findRigPodman(paths, signal);
    if (engine !== undefined) return engine;
  }
  await stopRigPodman(paths);
  throw new RigError(`podman did not come up; its log ends with:\n${tailOf(log)}`, `Read ${log}.`);
}

/** Ends the service and its containers, and unmounts what they mounted. Returns whether it ran. */
export async function stopRigPodman(paths: RigPaths): Promise<boolean> {
  let ran = false;
  for (const pid of findProcesses(podmanMarks(paths))) ran = (await stopProcess(pid, podmanMarks(paths), 5_000)) || ran;
  // A container lives below its conmon, which names our folder.
  const conmon = ["conmon", paths.podmanFolder];
  for (const pid of findProcesses(conmon)) {
    for (const container of childrenOf(pid)) process.kill(container, "SIGKILL");
    await stopProcess(pid, conmon, 5_000);
  }
  await unmountBelow([paths.podmanFolder, paths.podmanRunFolder]);
  rmSync(paths.podmanSocket, { force: true });
  return ran;
}

/** Writes the configuration (O1). Returns the variables that lead Podman to it. */
async function writePodmanFiles(paths: RigPaths): Promise<Record<string, string>> {
  const { podmanFolder: folder, podmanRunFolder: run } = paths;
  for (const made of [folder, run]) mkdirSync(made, { recursive: true, mode: 0o700 });
  const runtime = (await findProgram("runc")) === undefined ? "crun" : "runc";
  const files = {
    CONTAINERS_CONF: [
      "[containers]",
      'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
      'log_driver = "k8s-file"',
      "[engine]",
      `runtime = "${runtime}"`,
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      `events_logfile_path = ${JSON.stringify(join(folder, "events.log"))}`,
      'lock_type = "file"',
      // No static_dir: the command that clears up after a container is given --root, and then looks below that alone.
      `tmp_dir = ${JSON.stringify(join(run, "libpod"))}`,
      `volume_path = ${JSON.stringify(join(folder, "volumes"))}`,
      "[network]",
      `network_config_dir = ${JSON.stringify(join(folder, "networks"))}`,
    ],
    CONTAINERS_STORAGE_CONF: [
      "[storage]",
      'driver = "overlay"',
      `graphroot = ${JSON.stringify(join(folder, "storage"))}`,
      `runroot = ${JSON.stringify(join(run, "storage"))}`,
    ],
    CONTAINERS_REGISTRIES_CONF: [
      'unqualified-search-registries = ["docker.io"]',
      "[[registry]]",
      'location = "127.0.0.1"',
      "insecure = true",
    ],
  };
  return Object.fromEntries(
    Object.entries(files).map(([variable, lines]) => {
      const file = join(folder, `${variable.toLowerCase().replaceAll("_", "-")}.toml`);
      writeWhole(file, `${lines.join("\n")}\n`);
      return [variable, file];
    }),
  );
}

function hostOf(paths: RigPaths): string {
  return `unix://${paths.podmanSocket}`;
}

function podmanMarks(paths: RigPaths): string[] {
  return ["podman", "system service", hostOf(paths)];
}
