/**
 * The smallest package on the storage: promises in the state, entries in the record, rows in what is shared. The
 * projection inserts blindly, so that an entry which is brought in twice is there twice.
 */
import { columns, drizzle } from "./store-parts.mjs";

const promises = columns.sqliteTable("promises", {
  id: columns.text("id").primaryKey(),
  filler: columns.text("filler"),
});
const shares = columns.sqliteTable("shares", { id: columns.text("id"), filler: columns.text("filler") });
const entries = columns.sqliteTable("entries", { id: columns.text("id"), filler: columns.text("filler") });

export const ledgerProjection = {
  package: "ledger",
  open: ({ statements }) => {
    const insert = statements
      .insert(entries)
      .values({ id: drizzle.sql.placeholder("id"), filler: drizzle.sql.placeholder("filler") })
      .prepare();
    return {
      apply: (list) => {
        for (const { body } of list) insert.run(body);
      },
    };
  },
};

const ledgerSchema = {
  package: "ledger",
  state: [{ id: "1", statements: ["CREATE TABLE promises (id TEXT PRIMARY KEY, filler TEXT) WITHOUT ROWID"] }],
  record: [{ id: "1", statements: ["CREATE TABLE entries (id TEXT, filler TEXT)"] }],
  shared: [{ id: "1", statements: ["CREATE TABLE shares (id TEXT, filler TEXT)"] }],
  projection: ledgerProjection,
};

/** Opens the store with this package on it. */
export async function openLedger({ openStorage }, url, options) {
  const storage = await openStorage(url, options);
  storage.migrate(ledgerSchema);
  return {
    storage,
    /** Resolves when it survives a power cut. */
    promise: (id, filler) =>
      storage.state.write(() => void storage.state.statements.insert(promises).values({ id, filler }).run()),
    /** Survives the death of the process from when it returns. */
    note: (id, filler) => storage.record.append("ledger:entry", JSON.stringify({ id, filler })),
    /** Survives the death of the process from when it resolves. */
    share: (id, filler) => share(storage.shared, { id, filler }),
    shared: () => storage.shared.read(() => storage.shared.statements.select({ id: shares.id }).from(shares).all()),
    promised: () => storage.state.read(() => storage.state.statements.select({ id: promises.id }).from(promises).all()),
    noted: async () => {
      await storage.record.catchUp();
      return storage.record.read(() => storage.record.statements.select({ id: entries.id }).from(entries).all());
    },
  };
}

/** At once, or where another process has the lock, when it is free. */
async function share(shared, row) {
  const insert = () => void shared.statements.insert(shares).values(row).run();
  try {
    shared.writeNow(insert);
  } catch (error) {
    if (error.code !== "STORE_BUSY") throw error;
    await shared.write(insert);
  }
}

/** What is missing of what was said, and what is there twice. */
export function compareIds(said, rows) {
  const seen = new Map();
  for (const { id } of rows) seen.set(id, (seen.get(id) ?? 0) + 1);
  return {
    missing: said.filter((id) => !seen.has(id)),
    twice: [...seen].filter(([, count]) => count > 1).map(([id]) => id),
  };
}
