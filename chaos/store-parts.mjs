/** What the proofs of the store share: the packages as they are built, programs of their own, and small files. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const fromSession = createRequire(new URL("../packages/session/package.json", import.meta.url));
const fromStorage = createRequire(new URL("../packages/storage/package.json", import.meta.url));
const fromApp = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const load = async (require, name) => import(pathToFileURL(require.resolve(name)).href);

export const loadSession = () => load(fromSession, "@container-kit/session");
export const loadStorage = () => load(fromSession, "@container-kit/storage");
export const loadContextSharing = () => load(fromApp, "@container-kit/context-sharing");
export const loadRuntime = () => load(fromApp, "@container-kit/atomic-runtime");
export const loadErrors = () => load(fromApp, "@container-kit/errors");
export const { z } = fromApp("zod");
export const loadTestkit = () =>
  load(createRequire(new URL("../packages/docker-ops/package.json", import.meta.url)), "@container-kit/testkit");
export const Sqlite = fromStorage("better-sqlite3");
export const drizzle = fromStorage("drizzle-orm");
export const columns = fromStorage("drizzle-orm/sqlite-core");

/** A proof that has found nothing yet: see scripts/chaos.mjs. */
export const newProof = (name) => ({ name, count: 0, fired: 0, failures: [], skipped: [] });

/**
 * Starts a program, given by its URL. `lines` are those of its stdout so far; `ended` resolves with how it ended and what
 * it said on stderr, and never rejects.
 */
export function start(program, args, { env = {} } = {}) {
  const child = spawn(process.execPath, [fileURLToPath(program), ...args.map(String)], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines = [];
  let rest = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop();
    lines.push(...parts);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (errors = (errors + text).slice(-4000)));
  child.stdin.on("error", () => {
    // It was killed: what it was told last is of no use to it.
  });
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, errors })));
  return { child, lines, ended };
}

/** What a SQLite file has to say about itself: "ok", or what is wrong. */
export function checkFile(file, pragma = "integrity_check") {
  const client = new Sqlite(file, { fileMustExist: true });
  try {
    return String(client.pragma(pragma, { simple: true }));
  } finally {
    client.close();
  }
}

/** Waits until `isSo` gives something, and gives it; throws with `what` when it takes too long. */
export async function until(what, isSo, withinMs = 30_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
