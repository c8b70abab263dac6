/** Brings the context and the Dockerfile to the builder: over a session where BuildKit is, as an archive elsewhere. */
import type { Readable } from "node:stream";
import { readIgnoreRules } from "../context/ignore.ts";
import { openEntry } from "../context/open-entry.ts";
import { packContext } from "../context/pack.ts";
import { walkContext } from "../context/walk.ts";
import type { ContextEntry } from "../context/walk.ts";
import type { Credential } from "../credentials/types.ts";
import type { EngineProfile } from "../engine/profile.ts";
import type { Query, Transport } from "../engine/transport.ts";
import { openBuildSession } from "./session/build-session.ts";
import type { OfferedFolder } from "./session/file-sync.ts";

/** What is to be delivered. */
export interface Delivery {
  readonly transport: Transport;
  readonly profile: EngineProfile;
  readonly resolveCredential: (registry: string, signal: AbortSignal) => Promise<Credential>;
  /** Absolute, with every symbolic link resolved. */
  readonly root: string;
  /** Relative to the root. */
  readonly dockerfile: string;
  /** The Dockerfile's text as it is to be built, which may not be the one on disk. */
  readonly content: string;
  readonly query: Query;
  readonly signal: AbortSignal;
}

/** A build that has begun. */
export interface StartedBuild {
  readonly stream: Readable;
  readonly builder: "buildkit" | "classic";
  /** What went wrong on our side, which tells more than the engine's words about it; null when nothing did. */
  failure(): unknown;
  /** What was sent. */
  count(): { readonly files: number; readonly bytes: number };
  close(): void;
}

const OPERATION = "the build";

/** Starts the build. @throws what the engine answers instead of starting, or what is wrong with the context */
export async function startBuild(delivery: Delivery): Promise<StartedBuild> {
  const overSession = delivery.profile.buildkit ? await startOverSession(delivery) : null;
  return overSession ?? startWithArchive(delivery);
}

async function startOverSession(delivery: Delivery): Promise<StartedBuild | null> {
  const { transport, resolveCredential, dockerfile, content, query, signal } = delivery;
  const counter = createCounter();
  let failure: unknown = null;
  const session = await openBuildSession({
    transport,
    resolveCredential,
    dockerfile: offerDockerfile(dockerfile, content),
    context: await offerContext(delivery, counter.add),
    onError: (error) => (failure ??= error),
    signal,
  });
  if (session === null) return null;
  const overSession = { ...query, version: "2", session: session.id, remote: "client-session", buildid: session.id };
  try {
    const stream = await transport.stream({
      method: "POST",
      path: "/build",
      query: overSession,
      signal,
      operation: OPERATION,
    });
    return { stream, builder: "buildkit", failure: () => failure, count: counter.total, close: () => session.close() };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function startWithArchive({
  transport,
  root,
  dockerfile,
  content,
  query,
  signal,
}: Delivery): Promise<StartedBuild> {
  const counter = createCounter();
  let failure: unknown = null;
  // The classic builder looks for the Dockerfile inside the archive, and itself leaves out what `.dockerignore` names.
  const rules = await readIgnoreRules(root, dockerfile, { keepBuilderFiles: true });
  const archive = packContext({
    root,
    rules,
    replacements: new Map([[dockerfile, content]]),
    signal,
    onEntry: counter.add,
  });
  archive.on("error", (error) => (failure ??= error));
  try {
    const classic = { ...query, rm: true, forcerm: true };
    const stream = await transport.stream({
      method: "POST",
      path: "/build",
      query: classic,
      archive,
      signal,
      operation: OPERATION,
    });
    return { stream, builder: "classic", failure: () => failure, count: counter.total, close: () => archive.destroy() };
  } catch (error) {
    archive.destroy();
    throw failure ?? error;
  }
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
