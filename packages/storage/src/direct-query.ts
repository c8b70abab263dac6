/**
 * A query that runs with each call. Drizzle builds it and steps aside: what its own prepared queries do anew with each
 * run, to find the values by their names before all, takes about a tenth of the time of a small write or read.
 */
import type { Database as SqliteClient } from "better-sqlite3";
import { is, Placeholder } from "drizzle-orm";
import type { BuiltQuery, DirectQuery } from "./types.ts";

/** @throws TypeError where `bind` does not give what the query's placeholders name, in their order */
export function prepareDirect<Values, Row>(
  client: SqliteClient,
  query: BuiltQuery,
  bind: (values: Values) => readonly unknown[],
): DirectQuery<Values, Row> {
  const { sql, params } = query.toSQL();
  const wanted = params.map((param) => (is(param, Placeholder) ? param.name : undefined));
  // Asked of something whose members are their own names.
  const given = bind(new Proxy({}, { get: (_, name) => name }) as Values);
  if (given.length !== wanted.length || given.some((name, at) => name !== wanted[at])) {
    throw new TypeError(`expected the values of ${wanted.join(", ")} and not of ${given.join(", ")}, for: ${sql}`);
  }
  const statement = client.prepare<unknown[], readonly unknown[]>(sql);
  const columns = statement.reader ? statement.raw().columns() : [];
  return {
    get(values) {
      const found = statement.get(...bind(values));
      if (found === undefined) return undefined;
      const row: Record<string, unknown> = {};
      columns.forEach(({ name }, at) => (row[name] = found[at]));
      return row as Row;
    },
    run: (values) => statement.run(...bind(values)),
  };
}
