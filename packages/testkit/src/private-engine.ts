/**
 * A dockerd of a test's own, to stop, to kill and to start again.
 *
 * - V1  It has its own folder: data, exec-root, socket, pid file. It shares the machine's loopback, so it reaches the
 *       registries of tests, and docker0, but it makes no iptables rules. It is never started with `--bridge=none`,
 *       which would delete the docker0 that the rig's engine uses.
 * - V2  `stop` and `kill` leave what a real stop and a real crash leave: containerd and shims may stay behind. `start`
 *       deals with it as an engine on that machine would have to.
 * - V3  Nothing outlives the test: `close` ends and removes all of it; a process that ends without `close` does the same
 *       on its way out; and where the process is killed the kernel kills its engine, and the next private engine clears
 *       up the rest.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RigError } from "./rig-error.ts";
import { readMade } from "./rig/made.ts";
import { restoreNetwork } from "./rig/network.ts";
import { rigPaths } from "./rig/paths.ts";
import type { RigPaths } from "./rig/paths.ts";
import { childrenOf, findProcesses, isOurs, runProgram, stopProcess } from "./rig/process.ts";
import { mountsBelow, privateEngineObstacle, startRigEngine, stopRigEngine } from "./rig/rig-engine.ts";
import { removeTraces } from "./rig/traces.ts";

/** How an engine of a test's own is started. */
export interface PrivateEngineOptions {
  /** Puts the engine's data on a file system of so many megabytes, so that it can be full. The disk by default. */
  readonly dataRootMb?: number;
  /** `host:port` of registries that the engine may speak plain HTTP to; those on 127.0.0.0/8 it may anyway. */
  readonly insecureRegistries?: readonly string[];
  /** Addresses of mirrors of Docker Hub, e.g. `http://127.0.0.1:5000`. */
  readonly registryMirrors?: readonly string[];
  readonly signal?: AbortSignal;
}

/** An engine of a test's own. */
export interface PrivateEngine {
  /** For `DOCKER_HOST`; the same over restarts. */
  readonly host: string;
  readonly version: string;
  /** Where its data is. */
  readonly dataRoot: string;
  /** The engine's process id while it runs. */
  readonly pid: () => number | undefined;
  /** Asks it to end (SIGTERM) and waits until it has. */
  readonly stop: () => Promise<void>;
  /** Kills it (SIGKILL) and waits until it is gone. Its containers run on. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same data and the same socket, and waits until it answers. Does nothing where it runs. */
  readonly start: () => Promise<void>;
  /** What it logged so far. */
  readonly log: () => string;
  /** Ends it with all that it started and removes all that it stored. */
  readonly close: () => Promise<void>;
}

const FOLDER = "container-kit-engine-";

/** Starts an engine of the test's own. Throws {@link RigError}, with `unavailable` where this machine cannot run one. */
export async function startPrivateEngine(options: PrivateEngineOptions = {}): Promise<PrivateEngine> {
  const obstacle = privateEngineObstacle();
  if (obstacle !== undefined) throw new RigError(obstacle, "Run the test as root on Linux.", { unavailable: true });
  await clearUpAfterTheDead();
  const paths = rigPaths({ CONTAINER_KIT_RIG: mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-`)) });
  const endWithUs = (): void => removeAtOnce(paths);
  process.once("exit", endWithUs);
  const close = async (): Promise<void> => {
    await remove(paths);
    process.off("exit", endWithUs);
  };
  try {
    if (options.dataRootMb !== undefined) await mountDataRoot(paths, options.dataRootMb);
    return { ...(await run(paths, options)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function run(paths: RigPaths, options: PrivateEngineOptions): Promise<Omit<PrivateEngine, "close">> {
  const extra = [
    "--iptables=false",
    "--ip-forward=false",
    ...(options.insecureRegistries ?? []).flatMap((registry) => ["--insecure-registry", registry]),
    ...(options.registryMirrors ?? []).flatMap((mirror) => ["--registry-mirror", mirror]),
  ];
  const settings = { extra, diesWithUs: true, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  let engine = await startRigEngine(paths, settings);
  const marks = ["dockerd", paths.engineDataRoot];
  const pid = (): number | undefined => (isOurs(engine.pid, marks) ? engine.pid : undefined);
  return {
    host: engine.host,
    version: engine.version,
    dataRoot: paths.engineDataRoot,
    pid,
    stop: async () => {
      const running = pid();
      await stopProcess(running, marks);
      await gone(running);
    },
    kill: async () => {
      const running = pid();
      if (running !== undefined) process.kill(running, "SIGKILL");
      await gone(running);
    },
    start: async () => {
      if (pid() === undefined) engine = await startAgain(() => startRigEngine(paths, settings));
    },
    log: () => readFileSync(paths.engineLog, "utf8"),
  };
}

/** After a kill a dockerd may end once more over what the last one left; a machine's service manager starts it again too. */
async function startAgain<Engine>(start: () => Promise<Engine>): Promise<Engine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** Resolves once the process has let go of everything: its command line goes before its sockets do. */
async function gone(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  while (existsSync(`/proc/${pid}`)) await sleep(10);
}

async function mountDataRoot(paths: RigPaths, megabytes: number): Promise<void> {
  mkdirSync(paths.engineDataRoot, { recursive: true, mode: 0o700 });
  const args = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "container-kit-test", paths.engineDataRoot];
  const { code, stderr } = await runProgram("mount", args);
  if (code !== 0) throw new RigError(`no file system of ${megabytes} MB could be mounted: ${stderr}`, "Run as root.");
}

async function remove(paths: RigPaths): Promise<void> {
  await stopRigEngine(paths);
  const { network, absent } = readMade(paths);
  if (network !== undefined) await restoreNetwork(network);
  if (absent !== undefined) removeTraces(absent);
  for (const folder of foldersOf(paths)) rmSync(folder, { recursive: true, force: true });
}

/** The same without asking and without waiting, for a process that is about to end. */
function removeAtOnce(paths: RigPaths): void {
  // Every process that was started on our account names our folder: dockerd, containerd, the shims.
  const ours = findProcesses([paths.runFolder]);
  for (const pid of [...ours.flatMap(childrenOf), ...ours]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  }
  for (const point of mountsBelow(foldersOf(paths))) execFileSync("umount", ["-l", point], { stdio: "ignore" });
  for (const folder of foldersOf(paths)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes what the engines of killed processes left: their folders bear the process's id. */
async function clearUpAfterTheDead(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(FOLDER))) {
    const owner = Number(name.slice(FOLDER.length).split("-")[0]);
    if (!isOurs(owner, [])) {
      await remove(rigPaths({ CONTAINER_KIT_RIG: join(tmpdir(), name) }));
    }
  }
}

function foldersOf({ folder, runFolder }: RigPaths): string[] {
  return [...new Set([runFolder, folder])];
}
