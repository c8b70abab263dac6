import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { registryRequest } from "@container-kit/testkit";
import type { LoadedRig, RegistryAnswer } from "@container-kit/testkit";
import { connectEngine } from "../src/index.ts";
import type { Engine } from "../src/index.ts";

/** An engine as a user of the package gets it, on the rig, with what a test wants to be different. */
export function connect(rig: LoadedRig, env: Readonly<Record<string, string>> = {}): Promise<Engine> {
  const bases = Object.fromEntries(rig.standins.map(({ of, image }) => [of, image]));
  return connectEngine({
    env: { ...process.env, ...rig.environment, ...env },
    baseImages: { ...bases, "docker/dockerfile:1": "builtin" },
  });
}

/** Asks the rig's registry itself, past the code under test. */
export function askRegistry(rig: LoadedRig, method: string, path: string): Promise<RegistryAnswer> {
  const { host, username } = rig.registry;
  return registryRequest({ host, username, password: rig.password }, method, path);
}

/** A docker configuration of a test's own, for DOCKER_CONFIG. */
export function dockerConfig(auths: Readonly<Record<string, { username: string; password: string }>>): {
  folder: string;
  remove: () => void;
} {
  const entries = Object.entries(auths).map(([key, { username, password }]) => [
    key,
    { auth: Buffer.from(`${username}:${password}`).toString("base64") },
  ]);
  return folderOf({ "config.json": JSON.stringify({ auths: Object.fromEntries(entries) }) });
}

/** A temporary folder that holds these files. */
export function folderOf(files: Readonly<Record<string, string>>): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "docker-ops-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
