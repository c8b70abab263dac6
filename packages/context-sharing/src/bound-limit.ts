import { sql } from "drizzle-orm";
import type { Placeholder } from "drizzle-orm";

/**
 * A limit that is given when the statement is run. SQLite plans by a limit that is a mere parameter, and compiles the whole
 * statement anew each time it is given one, which takes longer than a small query: so it is an expression.
 */
export function boundLimit(name: string): Placeholder {
  // What builds the statement takes any part of SQL; its type names only the usual ones.
  return sql`${sql.placeholder(name)} + 0` as unknown as Placeholder;
}
