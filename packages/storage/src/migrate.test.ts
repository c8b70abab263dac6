import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { tempFolder } from "@container-kit/config/temp-folder";
import { sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStorage } from "./index.ts";
import type { Migration, PackageSchema, Storage } from "./index.ts";

const notes = sqliteTable("notes", { id: integer("id").primaryKey(), text: text("text").notNull() });

const create: Migration = {
  id: "0001-notes",
  statements: ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
};
const fill: Migration = { id: "0002-first-note", statements: ["INSERT INTO notes (text) VALUES ('first')"] };
const first: PackageSchema = { package: "notes", state: [create], record: [] };
const second = { package: "notes", state: [create, fill], record: [create], shared: [create] } satisfies PackageSchema;

let url: string;
let storage: Storage;

beforeEach(async () => {
  url = `sqlite:${tempFolder()}/`;
  storage = await openStorage(url);
});

afterEach(() => storage.close());

function texts(): readonly string[] {
  const all = storage.state.statements.select({ text: notes.text }).from(notes).prepare();
  return storage.state.read(() => all.all().map(({ text }) => text));
}

async function reopen(): Promise<void> {
  await storage.close();
  storage = await openStorage(url);
}

test("each step is applied once, however often it is asked for", async () => {
  storage.migrate(first);
  storage.migrate(second);
  storage.migrate(second);
  await reopen();
  storage.migrate(second);
  expect(texts()).toEqual(["first"]);
});

test("two packages may use the same ids", () => {
  storage.migrate(second);
  storage.migrate({
    package: "other",
    state: [{ id: "0001-notes", statements: ["CREATE TABLE others (id INTEGER PRIMARY KEY) STRICT"] }],
    record: [],
  });
  expect(
    storage.state.read(() =>
      storage.state.statements
        .select({ n: sql`1` })
        .from(sql`others`)
        .all(),
    ),
  ).toEqual([]);
});

test("a step that fails leaves nothing of itself and of its like behind", async () => {
  const broken: Migration = { id: "0002-broken", statements: ["INSERT INTO notes (text) VALUES ('half')", "NONSENSE"] };
  expect(() => storage.migrate({ package: "notes", state: [create, broken], record: [] })).toThrow(/NONSENSE/);
  await reopen();
  storage.migrate(second);
  expect(texts()).toEqual(["first"]);
});

test.each(["state", "record", "shared"] as const)(
  "a newer %s file is refused and no file is touched",
  async (newer) => {
    storage.migrate(second);
    await reopen();
    await storage.close();
    const hashes = () =>
      [storage.state, storage.record, storage.shared].map((file) =>
        createHash("sha256").update(readFileSync(file.path)).digest("hex"),
      );
    const before = hashes();
    storage = await openStorage(url);
    const older: PackageSchema = { ...second, package: "notes", [newer]: [] };
    // The other files lack a step, which must not be applied either.
    const added: Migration = { id: "0003-added", statements: ["CREATE TABLE added (id INTEGER) STRICT"] };
    const others = (["state", "record", "shared"] as const).filter((other) => other !== newer);
    const longer = Object.fromEntries(others.map((other) => [other, [...second[other], added]]));
    expect(() => storage.migrate({ ...older, ...longer })).toThrow(
      expect.objectContaining({
        code: "STORE_UNAVAILABLE",
        remedy: expect.stringContaining("newer version") as unknown,
      }),
    );
    await storage.close();
    expect(hashes()).toEqual(before);
  },
);
