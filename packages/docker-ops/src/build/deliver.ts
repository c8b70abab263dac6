/** Brings the context and the Dockerfile to the builder: over a session where BuildKit is, as an archive elsewhere. */
import type { Readable } from "node:stream";
import { readIgnoreRules } from "../context/ignore.ts";
import { openEntry } from "../context/open-entry.ts";
import { packContext } from "../context/pack.ts";
import { walkContext } from "../context/walk.ts";
import type { ContextEntry } from "../context/walk.ts";
import type { CredentialSource } from "../credentials/types.ts";
import type { EngineProfile } from "../engine/profile.ts";
import type { Query, Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { registryConfig } from "./registry-config.ts";
import type { ReadSecrets } from "./secrets.ts";
import { throughStage } from "./through-stage.ts";
import { openBuildSession } from "./session/build-session.ts";
import type { OfferedFolder } from "./session/file-sync.ts";

/** What is to be delivered. */
export interface Delivery {
  readonly transport: Transport;
  readonly profile: EngineProfile;
  readonly resolveCredential: CredentialSource;
  /** Absolute, with every symbolic link resolved. */
  readonly root: string;
  /** Relative to the root. */
  readonly dockerfile: string;
  /** The Dockerfile's text as it is to be built, which may not be the one on disk. */
  readonly content: string;
  readonly query: Query;
  /** Still being put together while the session opens. */
  readonly labels: Promise<Readonly<Record<string, string>>>;
  /** The stage that is built, as the caller names it. */
  readonly target: string | undefined;
  /** Images that the build may take from a registry. */
  readonly images: readonly string[];
  readonly secrets: ReadSecrets;
  readonly signal: AbortSignal;
}

/** A build that has begun. */
export interface StartedBuild {
  readonly stream: Readable;
  readonly builder: "buildkit" | "classic";
  /** What went wrong on our side, which tells more than the engine's words about it; null when nothing did. */
  failure(): unknown;
  /** Why a registry was asked without the credential that it has; null when that did not happen. */
  credentialFailure(): unknown;
  /** What was sent. */
  count(): { readonly files: number; readonly bytes: number };
  close(): void;
}

const OPERATION = "the build";

/**
 * Starts the build.
 *
 * @throws UNSUPPORTED for secrets without BuildKit, before anything is sent; what the engine answers instead of
 * starting; what is wrong with the context
 */
export async function startBuild(delivery: Delivery): Promise<StartedBuild> {
  const overSession = delivery.profile.buildkit ? await startOverSession(delivery) : null;
  if (overSession !== null) return overSession;
  if (delivery.secrets.size > 0) throw secretsNeedBuildkit(delivery);
  return startWithArchive(delivery);
}

function secretsNeedBuildkit({ profile: { product, version, buildkit } }: Delivery): Error {
  const why = buildkit ? "gives no build session at this endpoint" : "has no BuildKit for us";
  return fail("UNSUPPORTED", `build secrets need BuildKit, and this engine (${product} ${version}) ${why}`, {
    remedy: "Use a docker engine of 18.09 or newer, reached directly, or leave `secrets` out.",
  });
}

async function startOverSession(delivery: Delivery): Promise<StartedBuild | null> {
  const { transport, resolveCredential, dockerfile, content, secrets, signal } = delivery;
  const counter = createCounter();
  let failure: unknown = null;
  const session = await openBuildSession({
    transport,
    resolveCredential,
    dockerfile: offerDockerfile(dockerfile, content),
    context: await offerContext(delivery, counter.add),
    secrets,
    onError: (error) => (failure ??= error),
    signal,
  });
  if (session === null) return null;
  try {
    const overSession = {
      ...delivery.query,
      labels: labelsParameter(await delivery.labels),
      version: "2",
      session: session.id,
      remote: "client-session",
      buildid: session.id,
    };
    const stream = await transport.stream({
      method: "POST",
      path: "/build",
      query: overSession,
      signal,
      operation: OPERATION,
    });
    return {
      stream,
      builder: "buildkit",
      failure: () => failure,
      credentialFailure: () => null,
      count: counter.total,
      close: () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function startWithArchive(delivery: Delivery): Promise<StartedBuild> {
  const { transport, profile, root, dockerfile, content, target, images, resolveCredential, signal } = delivery;
  const counter = createCounter();
  let failure: unknown = null;
  // The classic builder looks for the Dockerfile inside the archive, and itself leaves out what `.dockerignore` names.
  const rules = await readIgnoreRules(root, dockerfile, { keepBuilderFiles: true });
  const login = await registryConfig(images, resolveCredential, signal);
  const labels = await delivery.labels;
  const query = { ...delivery.query, labels: labelsParameter(labels), rm: true, forcerm: true };
  // buildah would give an earlier stage that is cached the labels of the build that made it.
  const isCut = !profile.targetLabels && target !== undefined && Object.keys(labels).length > 0;
  const archive = packContext({
    root,
    rules,
    replacements: new Map([[dockerfile, isCut ? throughStage(content, target) : content]]),
    signal,
    onEntry: counter.add,
  });
  archive.on("error", (error) => (failure ??= error));
  try {
    const stream = await transport.stream({
      method: "POST",
      path: "/build",
      query,
      archive,
      ...(login.header === undefined ? {} : { registryConfig: login.header }),
      signal,
      operation: OPERATION,
    });
    return {
      stream,
      builder: "classic",
      failure: () => failure,
      credentialFailure: () => login.failure,
      count: counter.total,
      close: () => archive.destroy(),
    };
  } catch (error) {
    archive.destroy();
    throw failure ?? error;
  }
}

function labelsParameter(labels: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(labels).length === 0 ? undefined : JSON.stringify(labels);
}

/** The Dockerfile in the folders that its path names, and nothing else. */
function offerDockerfile(path: string, content: string): OfferedFolder {
  const parts = path.split("/");
  const folders = parts.slice(0, -1).map((_, index): ContextEntry => ({
    path: parts.slice(0, index + 1).join("/"),
    type: "directory",
    mode: 0o755,
    size: 0,
  }));
  const file: ContextEntry = { path, type: "file", mode: 0o644, size: Buffer.byteLength(content) };
  return {
    entries: async function* entries() {
      yield* folders;
      yield file;
    },
    open: () => Promise.resolve(content),
  };
}

async function offerContext(
  { root, dockerfile, signal }: Delivery,
  add: (entry: ContextEntry) => void,
): Promise<OfferedFolder> {
  const rules = await readIgnoreRules(root, dockerfile, { keepBuilderFiles: false });
  return {
    entries: async function* entries() {
      for await (const entry of walkContext(root, rules, signal)) {
        add(entry);
        yield entry;
      }
    },
    open: (entry) => openEntry(root, entry),
  };
}

function createCounter(): { add: (entry: ContextEntry) => void; total: () => { files: number; bytes: number } } {
  const total = { files: 0, bytes: 0 };
  return {
    add: ({ type, size }) => {
      total.files += type === "file" ? 1 : 0;
      total.bytes += size;
    },
    total: () => total,
  };
}
