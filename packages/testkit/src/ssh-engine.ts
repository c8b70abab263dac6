/**
 * The rig's engine over SSH: a real sshd on loopback, for `DOCKER_HOST=ssh://…`.
 *
 * - H1  Host key, user key and configuration are made for this one test; nothing below /etc/ssh or ~/.ssh is read or
 *       written. The client accepts this host key and no other, and shows this key and no other.
 * - H2  What a client runs on the far side finds the rig's engine through DOCKER_HOST, which sshd sets.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./registry-process.ts";
import { RigError } from "./rig-error.ts";
import { runProgram } from "./rig/process.ts";
import { findProgram, systemEnvironment } from "./rig/programs.ts";
import type { Rig } from "./types.ts";

/** An engine behind sshd. */
export interface SshEngine {
  /** `ssh://root@127.0.0.1:PORT`, for `DOCKER_HOST`. */
  readonly host: string;
  /**
   * What a client needs in its environment: `DOCKER_HOST`, and a `PATH` whose first `ssh` is the real one with this
   * host's key and this user's key.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** How many times a client signed in. */
  readonly connections: () => number;
  /** What sshd logged so far. */
  readonly log: () => string;
  readonly close: () => Promise<void>;
}

/** Why there can be no sshd of a test's own here; undefined where there can. */
export async function sshObstacle(): Promise<string | undefined> {
  for (const program of ["sshd", "ssh", "ssh-keygen", "docker"]) {
    if ((await findProgram(program)) === undefined) return `${program} is not on PATH`;
  }
  return process.getuid?.() === 0 ? undefined : "sshd needs root to serve";
}

/** Starts sshd in front of the rig's engine. It ends with `close`, or with this process. Throws {@link RigError}. */
export async function startSshEngine(rig: Pick<Rig, "engine">): Promise<SshEngine> {
  const obstacle = await sshObstacle();
  if (obstacle !== undefined) throw new RigError(obstacle, "Run: npm test", { unavailable: true });
  const folder = mkdtempSync(join(tmpdir(), "container-kit-ssh-"));
  try {
    return await serve(folder, rig.engine.host);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function serve(folder: string, engineHost: string): Promise<SshEngine> {
  const port = await freePort();
  await writeServerFiles(folder, { port, engineHost });
  const path = await writeClientFiles(folder, port);
  const log = join(folder, "sshd.log");
  // sshd parts with its privileges into this folder, and does not make it.
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  // By its whole path, which sshd needs to start itself anew for each connection.
  const sshd = (await findProgram("sshd")) ?? "";
  const child = spawn(sshd, ["-D", "-f", join(folder, "sshd_config"), "-E", log], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const endWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  const close = async (): Promise<void> => {
    process.off("exit", endWithUs);
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const text = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
  if (!(await answers(port, () => child.exitCode === null && child.signalCode === null))) {
    const said = text();
    await close();
    throw new RigError(`sshd did not come up: ${said}`, "Run it by hand to see what it says.");
  }
  const host = `ssh://${userInfo().username}@127.0.0.1:${port}`;
  return {
    host,
    environment: { DOCKER_HOST: host, PATH: path },
    connections: () => text().match(/^Accepted publickey/gm)?.length ?? 0,
    log: text,
    close,
  };
}

interface Server {
  readonly port: number;
  readonly engineHost: string;
}

async function writeServerFiles(folder: string, { port, engineHost }: Server): Promise<void> {
  for (const key of ["host_key", "user_key"]) {
    const made = await runProgram("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, key)]);
    if (made.code !== 0) throw new RigError(`ssh-keygen failed: ${made.stderr}`, "Run it by hand to see why.");
  }
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${join(folder, "host_key")}`,
    `AuthorizedKeysFile ${join(folder, "user_key.pub")}`,
    "AuthenticationMethods publickey",
    "PermitRootLogin prohibit-password",
    // The folder is below a temporary one that everybody may write to.
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    `SetEnv DOCKER_HOST=${engineHost} PATH=${systemEnvironment()["PATH"] ?? ""}`,
  ];
  writeFileSync(join(folder, "sshd_config"), `${lines.join("\n")}\n`, { mode: 0o600 });
}

/** Writes the client's configuration and an `ssh` that uses it. Returns the PATH on which that `ssh` comes first. */
async function writeClientFiles(folder: string, port: number): Promise<string> {
  const hostKey = readFileSync(join(folder, "host_key.pub"), "utf8").split(" ").slice(0, 2).join(" ");
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  const lines = [
    "Host *",
    `  IdentityFile ${join(folder, "user_key")}`,
    "  IdentitiesOnly yes",
    "  IdentityAgent none",
    `  UserKnownHostsFile ${join(folder, "known_hosts")}`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
  ];
  writeFileSync(join(folder, "ssh_config"), `${lines.join("\n")}\n`);
  const programs = join(folder, "bin");
  mkdirSync(programs);
  const ssh = (await findProgram("ssh")) ?? "ssh";
  writeFileSync(join(programs, "ssh"), `#!/bin/sh\nexec ${ssh} -F ${join(folder, "ssh_config")} "$@"\n`, {
    mode: 0o755,
  });
  return [programs, systemEnvironment()["PATH"] ?? ""].join(delimiter);
}

/** Waits until something listens on the port. False when `isAlive` says that sshd died, or after 10 s. */
async function answers(port: number, isAlive: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline && isAlive(); await sleep(20)) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (connected) return true;
  }
  return false;
}
