import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { basicAuthorization, freePort, registryAnswers, writeRegistryFiles } from "./registry-process.ts";
import type { RegistryUsers } from "./registry-process.ts";
import { findProgram } from "./rig/programs.ts";
import { RigError } from "./rig-error.ts";

/** How a registry of a test's own is started. */
export interface StartRegistryOptions {
  /** Who may push and pull. One user `test` with the password `test` by default. */
  readonly users?: RegistryUsers;
}

/** A registry of a test's own. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly users: RegistryUsers;
  /** What the registry logged so far. */
  readonly log: () => string;
  /** Ends the registry and removes what it stored. */
  readonly close: () => Promise<void>;
}

/** Starts a real registry on a free port of loopback that asks for a password. It ends with `close`, or with this process. */
export async function startRegistry(options: StartRegistryOptions = {}): Promise<TestRegistry> {
  const users = options.users ?? { test: "test" };
  const program = await findProgram("docker-registry");
  if (program === undefined) throw new RigError("docker-registry is not on PATH", "Run: npm run setup");
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const registry = await tryToStart(program, users);
    if (registry !== undefined) return registry;
  }
  throw new RigError("docker-registry did not come up on three ports", "Run it by hand to see what it says.");
}

/** Undefined where it died, as it does when another program takes the port first. */
async function tryToStart(program: string, users: RegistryUsers): Promise<TestRegistry | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "container-kit-registry-"));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = await writeRegistryFiles(folder, port, users);
  const child = spawn(program, ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const endWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  const close = async (): Promise<void> => {
    process.off("exit", endWithUs);
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  if (await registryAnswers(host, () => child.exitCode === null && child.signalCode === null)) {
    return { host, users, log: () => text, close };
  }
  await close();
  return undefined;
}

/** Where and as whom to ask a registry: a rig, or a registry of a test's own with one of its users. */
export interface RegistryAccess {
  readonly host: string;
  /** Without it the request is anonymous. */
  readonly username?: string;
  readonly password?: string;
}

/** A registry's answer. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Asks a registry directly, past the code under test: does the manifest really exist?
 *
 * @example
 * const { host, username } = rig.registry;
 * const answer = await registryRequest({ host, username, password: rig.password }, "HEAD", "/v2/app/manifests/1");
 */
export async function registryRequest(access: RegistryAccess, method: string, path: string): Promise<RegistryAnswer> {
  const response = await fetch(`http://${access.host}${path}`, {
    method,
    headers: {
      accept: MANIFEST_TYPES,
      ...(access.username === undefined
        ? {}
        : { authorization: basicAuthorization(access.username, access.password ?? "") }),
    },
    signal: AbortSignal.timeout(15_000),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
