/** A record with so many executions in it, without the hours that making them through a server would take. */
import { createRequire } from "node:module";
import { join } from "node:path";

const load = createRequire(new URL("../packages/storage/package.json", import.meta.url));
const Database = load("better-sqlite3");

const SESSIONS = 1000;
const BATCH = 100_000;

/**
 * Copies one execution that is there already, with ids of its own in a thousand sessions, until there are `count`. The
 * counts of tools and sessions stay as they are.
 *
 * @param {string} folder the folder of a store that nobody has open
 */
export function fillRecord(folder, count) {
  const database = new Database(join(folder, "record.db"));
  try {
    database.pragma("synchronous = OFF");
    const columns = database.pragma("table_info(executions)").map(({ name }) => name);
    const values = columns.map((name) => {
      if (name === "id") return "printf('exe_%010d', :from + n)";
      return name === "session_id" ? `'ses_' || ((:from + n) % ${SESSIONS})` : name;
    });
    const copy = database.prepare(
      `WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :rows)
       INSERT INTO executions (${columns.join(", ")})
       SELECT ${values.join(", ")} FROM (SELECT * FROM executions WHERE status = 'completed' LIMIT 1), numbers`,
    );
    for (let from = 0; from < count; from += BATCH) copy.run({ from, rows: Math.min(BATCH, count - from) });
    return database.prepare("SELECT count(*) FROM executions").pluck().get();
  } finally {
    database.close();
  }
}
