/** A store with so many context entries in it, as the program keeps them; and the same in bare SQLite, to compare with. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const fromApp = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const fromStorage = createRequire(new URL("../packages/storage/package.json", import.meta.url));
const load = async (name) => import(pathToFileURL(fromApp.resolve(`@container-kit/${name}`)).href);

const Sqlite = fromStorage("better-sqlite3");
export const { z } = fromApp("zod");
const { createContextStore, createEventBus, createRouter, defineContextType } = await load("context-sharing");
export const { createRuntime, defineTool } = await load("atomic-runtime");
export const { createSessionStore, sessionProjection } = await load("session");
const { openStorage, runRecordKeeper } = await load("storage");
export { createRouter, runRecordKeeper };

/** An entry as build_image leaves it. */
const image = defineContextType({
  name: "image",
  schema: z.object({ reference: z.string(), imageId: z.string(), tags: z.array(z.string()), context: z.string() }),
});

export const imageOf = (reference) => ({
  reference,
  imageId: `sha256:${"a".repeat(64)}`,
  tags: [reference, `${reference}-latest`],
  context: "/home/somebody/projects/shop",
});

export const producer = { tool: "build_image", executionId: "exe_0000000001" };

/** The name of one of so many entries: so many keys in each of so many sessions. */
export const nameOf = (session, key) => ({
  sessionId: `ses_${session}`,
  type: "image",
  key: `shop/part-${key}:1.0.${key}`,
});

/** Opens an empty store in a folder of its own, with the keeper's thread as the program has it. */
export async function openShared({ clock } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "shared-"));
  mkdirSync(join(folder, "store"));
  const keeper = new URL("./shared-keeper.mjs", import.meta.url);
  const timing = clock === undefined ? {} : { clock };
  const storage = await openStorage(`sqlite:${join(folder, "store")}/`, { keeper, ...timing });
  const events = createEventBus(storage, timing);
  const context = createContextStore(storage, { types: [image], events, ...timing });
  return {
    storage,
    events,
    context,
    close: async () => {
      await events.close();
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Shares so many entries, a hundred in each session, and lets other work in between. */
export async function fill(context, entries, more = {}) {
  for (let at = 0; at < entries; at += 1) {
    const name = nameOf(Math.floor(at / 100), at % 100);
    await context.share({ ...name, value: imageOf(name.key), producer, ...more });
    if (at % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One table with as many rows, and the two statements that cannot be done without. */
export function openBare(entries) {
  const folder = mkdtempSync(join(tmpdir(), "bare-"));
  const client = new Sqlite(join(folder, "bare.db"));
  for (const pragma of ["journal_mode = WAL", "synchronous = NORMAL", "cache_size = -16000"]) client.pragma(pragma);
  client.exec(
    "CREATE TABLE entries (session, type, key, version, value, PRIMARY KEY (session, type, key)) WITHOUT ROWID",
  );
  client.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, type, session, body)");
  const upsert = client.prepare(
    `INSERT INTO entries VALUES (?, ?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET version = version + 1, value = excluded.value`,
  );
  const select = client.prepare("SELECT version, value FROM entries WHERE session = ? AND type = ? AND key = ?");
  const insert = client.prepare("INSERT INTO events (type, session, body) VALUES (?, ?, ?)");
  client.transaction(() => {
    for (let at = 0; at < entries; at += 1) {
      const { sessionId, type, key } = nameOf(Math.floor(at / 100), at % 100);
      upsert.run(sessionId, type, key, JSON.stringify(imageOf(key)));
    }
  })();
  return {
    share: ({ sessionId, type, key }, value) => upsert.run(sessionId, type, key, JSON.stringify(value)),
    get: ({ sessionId, type, key }) => JSON.parse(select.get(sessionId, type, key).value),
    publish: ({ type, sessionId, data }) => insert.run(type, sessionId, JSON.stringify(data)),
    close() {
      client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
