/** The engine that tests and the first run work on. */
export interface RigEngine {
  /** As `DOCKER_HOST` has it: `unix:///…` or `tcp://127.0.0.1:…`. */
  readonly host: string;
  /** Whether the rig started it, as against having found it. */
  readonly private: boolean;
  /** Process id of a private engine. */
  readonly pid?: number;
  /** Why this engine and no other, for a person. */
  readonly reason: string;
  readonly kind: "docker" | "podman";
  readonly version: string;
}

/** A real registry on loopback that asks for a password. */
export interface RigRegistry {
  /** `127.0.0.1:PORT`, as it stands at the front of an image reference. */
  readonly host: string;
  readonly pid: number;
  readonly username: string;
  /** The password alone, in a file that only its owner can read. */
  readonly passwordFile: string;
  /** The same credential as curl reads it: `curl --netrc-file <this>`. */
  readonly netrcFile: string;
  /** A folder for `DOCKER_CONFIG` whose `config.json` holds the credential. */
  readonly dockerConfig: string;
}

/** An image made from this machine that stands in for one that cannot be pulled. Its labels `standin.*` say so. */
export interface Standin {
  /** The name it has in the engine, e.g. `standin/node:20-slim`. */
  readonly image: string;
  /** The name it stands in for, e.g. `node:20-slim`. */
  readonly of: string;
  /** The version of Node that is really inside. */
  readonly node: string;
}

/** What `rig-cli up` leaves in `rig.json`. Holds no secret. */
export interface Rig {
  readonly engine: RigEngine;
  readonly registry: RigRegistry;
  /** Podman beside the engine, for tests that run on both; else why there is none. */
  readonly podman: RigEngine | { readonly absent: string };
  /** A `container-kit.yaml` that maps base images to stand-ins; null where the engine can pull the real ones. */
  readonly config: string | null;
  /** Packages that the rig installed and that undo removes. */
  readonly installed: readonly string[];
  readonly standins: readonly Standin[];
}

/** A rig as a test gets it. */
export interface LoadedRig extends Rig {
  /** The registry's password. */
  readonly password: string;
  /** What a program needs in its environment to use this rig: `DOCKER_HOST`, `DOCKER_CONFIG` and, with stand-ins, `CONTAINER_KIT_CONFIG`. */
  readonly environment: Readonly<Record<string, string>>;
}
