/**
 * Where the rig keeps its things: one folder, so that undo is the removal of one folder.
 *
 * - P1  A unix socket's path holds at most 107 bytes, and the engine's containerd opens sockets deep inside the exec-root:
 *       where the folder's own path is too long, the sockets live in a short folder below /run, named after it.
 */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export interface RigPaths {
  readonly folder: string;
  /** What is there: read by tests and by the scripts. */
  readonly rigFile: string;
  /** What was done to the machine: read by undo. */
  readonly madeFile: string;
  /** Holds the engine's socket and exec-root; the folder itself unless its path is too long (P1). */
  readonly runFolder: string;
  readonly engineSocket: string;
  readonly engineExecRoot: string;
  readonly engineDataRoot: string;
  readonly enginePidFile: string;
  readonly engineConfig: string;
  readonly engineLog: string;
  readonly registryFolder: string;
  /** Podman's configuration and storage. */
  readonly podmanFolder: string;
  /** What Podman keeps while it runs. Always in a short place: it refuses to work with a runroot above 50 characters. */
  readonly podmanRunFolder: string;
  readonly podmanSocket: string;
  readonly dockerConfig: string;
  readonly config: string;
}

/** The longest path that containerd opens below the exec-root. */
const DEEPEST_SOCKET = "exec/containerd/containerd.sock.ttrpc";
const SOCKET_PATH_LIMIT = 107;

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds the rig's folder: `CONTAINER_KIT_RIG`, else `container-kit/rig` in the XDG state folder. */
export function rigPaths(environment: Environment): RigPaths {
  const state = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homedir(), ".local", "state");
  const folder = resolve(environment["CONTAINER_KIT_RIG"] || join(state, "container-kit", "rig"));
  const runFolder = socketsFit(folder) ? folder : join("/run", `container-kit-${shortHash(folder)}`);
  return {
    folder,
    rigFile: join(folder, "rig.json"),
    madeFile: join(folder, "made.json"),
    runFolder,
    engineSocket: join(runFolder, "docker.sock"),
    engineExecRoot: join(runFolder, "exec"),
    engineDataRoot: join(folder, "data"),
    enginePidFile: join(folder, "docker.pid"),
    engineConfig: join(folder, "daemon.json"),
    engineLog: join(folder, "dockerd.log"),
    registryFolder: join(folder, "registry"),
    podmanFolder: join(folder, "podman"),
    podmanRunFolder: join("/run", `container-kit-podman-${shortHash(folder)}`),
    podmanSocket: join(runFolder, "podman.sock"),
    dockerConfig: join(folder, "docker-config"),
    config: join(folder, "container-kit.yaml"),
  };
}

/** A short name for a folder, the same each time. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function socketsFit(folder: string): boolean {
  return Buffer.byteLength(join(folder, DEEPEST_SOCKET)) <= SOCKET_PATH_LIMIT;
}
