import type { Readable } from "node:stream";
import type { BuildOptions, BuildResult } from "./build/types.ts";
import type { Credential } from "./credentials/types.ts";
import type { EngineEndpoint } from "./endpoint/types.ts";
import type { EngineIdentity } from "./engine/identity.ts";
import type { EngineMetrics } from "./engine/metrics.ts";
import type { EngineProfile } from "./engine/profile.ts";

/** One step forward of an operation. Numbers never go back within one `id`. */
export interface Progress {
  /** What is going on, e.g. `pushing`, `pulling`, `step`, `context`. */
  readonly phase: string;
  /** One line for a person. */
  readonly message: string;
  /** The layer or step that moved. */
  readonly id?: string;
  readonly current?: number;
  readonly total?: number;
  readonly unit?: "bytes" | "steps";
  /** The layer or step is done, whatever the numbers say. */
  readonly done?: boolean;
}

/** How the engine was reached: its API itself, or the docker program's connection to it. */
export type Via = "api" | "docker-cli";

/** What every operation takes besides its own arguments. */
export interface OperationOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until the operation ends with ENGINE_TIMEOUT; each operation has its own default. */
  readonly deadlineMs?: number;
  /** The longest silence of the engine that is taken for work, in milliseconds; 120,000 by default. */
  readonly inactivityMs?: number;
  readonly onProgress?: (progress: Progress) => void;
}

/** How an image is pulled. */
export interface PullOptions extends OperationOptions {
  /**
   * `os/arch[/variant]` in any spelling that containerd takes (`Linux/x86_64`, `arm64`). The engine's own by default, or
   * the only one that the image is published for.
   */
  readonly platform?: string;
  /** Has the engine pull although the image is present and current. */
  readonly force?: boolean;
}

/** How many layers took part, and how many of them needed no transfer. */
export interface LayerCount {
  readonly total: number;
  readonly existing: number;
}

/**
 * How a pull knows that what the engine has is what the registry has: it was transferred now, the registry was asked
 * now, it was asked within the last half hour, the reference names a digest, or not at all because the registry could
 * not be asked.
 */
export type Freshness = "transferred" | "registry" | "cache" | "pinned" | "unchecked";

/** What a pull came to. */
export interface PullResult {
  /** The familiar form of what was asked for, with its tag or digest. */
  readonly image: string;
  readonly imageId: string;
  /** The digest that the registry gave; empty where neither it nor the engine tells. */
  readonly digest: string;
  readonly size: number;
  readonly alreadyPresent: boolean;
  /** Bytes that were transferred. */
  readonly bytes: number;
  readonly layers: LayerCount;
  readonly freshness: Freshness;
  readonly warnings: readonly string[];
  readonly via: Via;
}

/** How an image is pushed. */
export interface PushOptions extends OperationOptions {
  /** Push under this reference instead; it is tagged first. */
  readonly target?: string;
}

/** What a push came to, confirmed by the registry. */
export interface PushResult {
  readonly image: string;
  /** Read back from the registry. */
  readonly digest: string;
  readonly verified: true;
  readonly bytes: number;
  readonly layers: LayerCount;
  /** What the tag points to where that is not what was pushed: somebody else has moved it since. */
  readonly tagDigest?: string;
  /** The image that `target` named in the engine before, or null; null too without a `target`. */
  readonly replaced: string | null;
  readonly warnings: readonly string[];
  readonly via: Via;
}

/** How a tag is given. */
export interface TagOptions extends OperationOptions {
  /** Allows a tag that points to another image to be moved. */
  readonly force?: boolean;
  /** Told what will be done before anything is changed, and waited for; what it throws ends the tagging. */
  readonly onPlan?: (plan: TagPlan) => void | Promise<void>;
}

/** What a tagging will do: which image gets the name, and which one had it. */
export type TagPlan = Pick<TagResult, "imageId" | "target" | "replaced">;

/** What a tag came to, as the engine shows it. */
export interface TagResult {
  readonly imageId: string;
  readonly target: string;
  /** The image that the tag pointed to before, or null. */
  readonly replaced: string | null;
  readonly via: Via;
}

/** What an image is, as the engine shows it. */
export interface ImageDetails {
  readonly imageId: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly size: number;
  readonly platform: string;
  readonly created: string;
  readonly config: {
    readonly user: string;
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    /** `NAME=value`, unredacted: whoever shows it redacts the values. */
    readonly env: readonly string[];
    readonly exposedPorts: readonly string[];
    readonly labels: Readonly<Record<string, string>>;
    readonly healthcheck: readonly string[] | null;
  };
  /** Content digests of the layers, base first. */
  readonly layers: readonly string[];
}

/** An image in a list. */
export interface ImageSummary {
  readonly imageId: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly size: number;
  readonly created: string;
}

/** How an image is removed. */
export interface RemoveOptions extends OperationOptions {
  /** Removes it although stopped containers or several tags use it. */
  readonly force?: boolean;
}

/** What a removal took away. */
export interface RemoveResult {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
}

/** One layer or instruction of an image's history, newest first. */
export interface HistoryEntry {
  readonly createdBy: string;
  readonly created: string;
  readonly size: number;
  readonly comment: string;
}

/** What an archive brought. */
export interface LoadResult {
  /** References or image ids that the engine said it loaded. */
  readonly images: readonly string[];
}

/** How an image is tried. */
export interface ProbeOptions extends OperationOptions {
  /** The port that the application listens on. */
  readonly port: number;
  /** The path that is asked for; `/` by default. */
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What an image did when it ran hardened for a moment: read-only root, no capabilities, no new privileges, limits. */
export interface ProbeResult {
  readonly answered: boolean;
  /** HTTP status of the last answer, or null. */
  readonly status: number | null;
  readonly url: string;
  readonly durationMs: number;
  /** Why it is not counted as answering, or null. */
  readonly problem: string | null;
  readonly user: string;
  readonly logTail: string;
}

/** How a login is checked. */
export interface LoginOptions extends OperationOptions {
  /** Also asks which actions this repository allows. */
  readonly repository?: string;
}

/** What a registry thinks of the credential that an operation would use. */
export interface LoginResult {
  readonly registry: string;
  readonly source: Credential["source"];
  readonly username?: string;
  /** The registry accepted the credential, or wants none. */
  readonly valid: boolean;
  /** Why not, or what is worth knowing; one sentence. */
  readonly reason: string;
  /** What a token service granted, as `repository:name:pull,push`, where it tells. */
  readonly scopes?: readonly string[];
  readonly warnings: readonly string[];
}

/** A connected engine. Every success that it reports has been read back. */
export interface Engine {
  /** Where it was found, and why there. */
  readonly endpoint: EngineEndpoint;
  /** What it is and can do; another one once the engine at the endpoint is another. */
  readonly profile: EngineProfile;
  readonly identity: EngineIdentity;
  readonly via: Via;
  /**
   * @throws IMAGE_NOT_FOUND AUTH_FAILED REGISTRY_UNAVAILABLE INVALID_REFERENCE, INVALID_INPUT for a platform that is
   * none, CONFLICT where the engine keeps a list's digest for the image of another platform
   */
  pull(image: string, options?: PullOptions): Promise<PullResult>;
  /** @throws AUTH_FAILED REGISTRY_DENIED REGISTRY_UNAVAILABLE IMAGE_NOT_FOUND PUSH_UNVERIFIED INVALID_REFERENCE */
  push(image: string, options?: PushOptions): Promise<PushResult>;
  /**
   * The source may be an id, or the beginning of one. Tags of one target run one after the other.
   *
   * @throws IMAGE_NOT_FOUND INVALID_REFERENCE, CONFLICT where the target is another image, or becomes one meanwhile
   */
  tag(source: string, target: string, options?: TagOptions): Promise<TagResult>;
  /** @throws DOCKERFILE_INVALID BUILD_FAILED BASE_IMAGE_UNAVAILABLE CONTEXT_INVALID NOT_FOUND */
  build(context: string, options: BuildOptions): Promise<BuildResult>;
  /** @throws IMAGE_NOT_FOUND INVALID_REFERENCE */
  inspect(image: string, options?: OperationOptions): Promise<ImageDetails>;
  list(options?: OperationOptions): Promise<readonly ImageSummary[]>;
  /** @throws IMAGE_NOT_FOUND CONFLICT, ENGINE_PROTOCOL when the engine still shows what it says it took away */
  remove(image: string, options?: RemoveOptions): Promise<RemoveResult>;
  /** @throws IMAGE_NOT_FOUND */
  history(image: string, options?: OperationOptions): Promise<readonly HistoryEntry[]>;
  /**
   * The images as one tar archive; the caller reads or destroys the stream, which fails where the archive is not whole
   * by the deadline. @throws IMAGE_NOT_FOUND INVALID_INPUT
   */
  save(images: readonly string[], options?: OperationOptions): Promise<Readable>;
  /** @throws ENGINE_PROTOCOL when the engine shows nothing of what it says it loaded */
  load(archive: Readable, options?: OperationOptions): Promise<LoadResult>;
  /** Runs the image hardened, asks it over HTTP, removes it. @throws IMAGE_NOT_FOUND */
  probe(image: string, options: ProbeOptions): Promise<ProbeResult>;
  /** Asks the registry itself whether it accepts the credential that a push or pull would use. @throws REGISTRY_UNAVAILABLE REGISTRY_TLS CREDENTIAL_HELPER_FAILED */
  checkLogin(registry: string, options?: LoginOptions): Promise<LoginResult>;
  /**
   * The digest that the registry has for an image, or null where it has none: what a pull would bring. Nothing is
   * transferred, and the engine is not asked.
   *
   * @throws AUTH_FAILED REGISTRY_DENIED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED REGISTRY_TLS INVALID_REFERENCE
   */
  findDigest(image: string, options?: OperationOptions): Promise<string | null>;
  /** Whether the engine answers, now. @throws ENGINE_UNAVAILABLE ENGINE_TIMEOUT and the other engine codes */
  ping(options?: OperationOptions): Promise<void>;
  /** What this connection has done so far. */
  metrics(): EngineMetrics;
  close(): Promise<void>;
}
