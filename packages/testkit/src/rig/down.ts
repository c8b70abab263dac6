/**
 * Undoes what `bringUp` did, exactly: by the record, never by a name.
 *
 * - D1  Order: processes, mounts, network, images in a foreign engine, packages, the folder with the record last. If a
 *       step fails the record stays, so that undo can be tried again.
 */
import { existsSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { engineRequest } from "../engine-request.ts";
import { removeLeftPolicy, removePackages } from "./install.ts";
import { takeLock } from "./lock.ts";
import { readMade } from "./made.ts";
import { removePodmanNetwork, restoreNetwork } from "./network.ts";
import { rigPaths } from "./paths.ts";
import { removeTraces } from "./traces.ts";
import type { RigPaths } from "./paths.ts";
import { stopRigPodman } from "./podman.ts";
import { stopRigEngine } from "./rig-engine.ts";
import { stopRigRegistry } from "./rig-registry.ts";
import type { RigStep } from "./up.ts";

export interface DownOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: RigStep) => void;
}

/** Stops and removes everything that the rig started, made and installed. Returns false where there was nothing. */
export async function takeDown(options: DownOptions): Promise<boolean> {
  const paths = rigPaths(options.environment);
  if (!existsSync(paths.folder)) return false;
  const release = await takeLock(paths.folder, options.signal === undefined ? {} : { signal: options.signal });
  try {
    await takeDownAlone(paths, options);
  } finally {
    await release();
  }
  return true;
}

async function takeDownAlone(paths: RigPaths, options: DownOptions): Promise<void> {
  const made = readMade(paths);
  const step = async (name: string, work: () => Promise<string>): Promise<void> => {
    options.signal?.throwIfAborted();
    const start = performance.now();
    const detail = await work();
    options.onStep?.({ name, detail, ms: performance.now() - start });
  };
  await step("registry", async () => ((await stopRigRegistry(paths)) ? "stopped" : "was not running"));
  await step("engine", async () => {
    // Images in engines of our own go with their data.
    return (await stopRigEngine(paths)) ? "private engine stopped" : "no private engine was running";
  });
  await step("podman", async () => ((await stopRigPodman(paths)) ? "stopped" : "was not running"));
  const { network, absent, podmanBridge } = made;
  if (podmanBridge === false) await step("podman network", removePodmanNetwork);
  if (network !== undefined) await step("network", () => restoreNetwork(network));
  if (absent !== undefined) await step("traces", async () => removeTraces(absent));
  const own = new Set([`unix://${paths.engineSocket}`, `unix://${paths.podmanSocket}`]);
  for (const { host, image } of made.images.filter((entry) => !own.has(entry.host))) {
    await step("image", () => removeImage(host, image));
  }
  removeLeftPolicy(paths);
  if (made.installed.length > 0) await step("packages", () => removePackages(paths));
  await step("folder", async () => removeFolder(paths));
}

async function removeImage(host: string, image: string): Promise<string> {
  try {
    const { status } = await engineRequest(host, "DELETE", `/images/${image}`);
    if (status === 200 || status === 404) return `${image} removed from ${host}`;
    return `${image} stays in ${host}: HTTP ${status}`;
  } catch {
    return `${image} stays in ${host}, which does not answer`;
  }
}

function removeFolder(paths: RigPaths): string {
  for (const folder of new Set([paths.runFolder, paths.podmanRunFolder, paths.folder]))
    rmSync(folder, { recursive: true, force: true });
  const around = dirname(paths.folder);
  // Container Kit's own folder goes too, if it held nothing but the rig.
  if (basename(around) === "container-kit" && readdirSync(around).length === 0) rmdirSync(around);
  return `${paths.folder} removed`;
}
