/** A `docker-registry` on loopback with its own configuration and its own users: shared by the rig and by tests. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hash } from "bcryptjs";
import { writeWhole } from "./rig/files.ts";

/** Users and their passwords. */
export type RegistryUsers = Readonly<Record<string, string>>;

/**
 * The registry checks the password on every request, so the cost decides the speed of a push. The passwords are
 * random or belong to a test, so the least cost that bcrypt takes is enough.
 */
const BCRYPT_COST = 4;

/** Writes the configuration and the password file. Returns the configuration's path: the program's one argument. */
export async function writeRegistryFiles(folder: string, port: number, users: RegistryUsers): Promise<string> {
  const lines = await Promise.all(
    Object.entries(users).map(async ([name, password]) => `${name}:${await hash(password, BCRYPT_COST)}`),
  );
  const passwords = join(folder, "htpasswd");
  writeWhole(passwords, `${lines.join("\n")}\n`);
  const config = join(folder, "config.yml");
  writeWhole(
    config,
    [
      "version: 0.1",
      "log: { level: warn, accesslog: { disabled: true } }",
      "storage:",
      `  filesystem: { rootdirectory: ${JSON.stringify(join(folder, "storage"))} }`,
      "  delete: { enabled: true }",
      `http: { addr: "127.0.0.1:${port}", secret: "${randomBytes(16).toString("hex")}" }`,
      `auth: { htpasswd: { realm: container-kit, path: ${JSON.stringify(passwords)} } }`,
      "",
    ].join("\n"),
  );
  return config;
}

/** Waits until the registry asks for a password. False when `isAlive` says that it died, or after 10 s. */
export async function registryAnswers(host: string, isAlive: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline && isAlive(); await sleep(20)) {
    if ((await registryStatus(host)) === 401) return true;
  }
  return false;
}

/** The status of `/v2/` with or without a credential; 0 when nobody answers. */
export async function registryStatus(host: string, authorization?: string): Promise<number> {
  try {
    const response = await fetch(`http://${host}/v2/`, {
      headers: authorization === undefined ? {} : { authorization },
      signal: AbortSignal.timeout(3_000),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

/** The header that signs a request in. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** A port on loopback that nothing listens on: the wished one if it is free. */
export async function freePort(wished = 0): Promise<number> {
  return (await tryPort(wished)) ?? (await tryPort(0)) ?? 0;
}

function tryPort(wished: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(undefined));
    server.listen(wished, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
