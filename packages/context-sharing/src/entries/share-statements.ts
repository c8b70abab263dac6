/**
 * What a share writes, as one statement: it decides the version, keeps the one before and refuses what is stale, all under
 * one lock.
 */
import type { Database, DirectQuery } from "@container-kit/storage";
import { and, eq, lte, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { KEPT_VERSIONS } from "./schema.ts";
import { entries } from "./tables.ts";
import type { NewRow, VersionRow } from "./tables.ts";

/** A statement that changes rows. */
export interface Change {
  run(values?: Readonly<Record<string, unknown>>): { readonly changes: number };
}

/** Built once for an open store. */
export interface ShareStatements {
  /** `expected` absent or 0. Changes nothing when it is refused. */
  readonly share: DirectQuery<NewRow, never>;
  /** Over a version that must be there. Changes nothing when it is refused. */
  readonly follow: Change;
}

const ph = sql.placeholder;
/** As it is: a bare placeholder goes through its column's encoder, which takes a fifth of the time of a share's statement. */
export const bound = (name: keyof VersionRow): SQL => sql`${ph(name)}`;
/** The one entry that is meant. */
export const isNamed = and(
  eq(entries.session, bound("session")),
  eq(entries.type, bound("type")),
  eq(entries.key, bound("key")),
);
/** Builds them, once. */
export function prepareShares(database: Pick<Database, "statements" | "prepareDirect">): ShareStatements {
  const { statements } = database;
  const share = statements
    .insert(entries)
    .values({
      session: bound("session"),
      type: bound("type"),
      key: bound("key"),
      version: sql`1`,
      last: sql`1`,
      seq: bound("seq"),
      schema: bound("schema"),
      created: bound("created"),
      expires: bound("expires"),
      size: bound("size"),
      held: bound("size"),
      kept: sql`'[]'`,
      tool: bound("tool"),
      execution: bound("execution"),
      labels: bound("labels"),
      value: bound("value"),
    })
    .onConflictDoUpdate({
      target: [entries.session, entries.type, entries.key],
      set: changesTo((name) => sql.raw(`excluded.${name}`)),
      setWhere: sql`${entries.expires} <= excluded.created
          OR (${ph("expected")} IS NULL AND ${entries.schema} <= excluded.schema)`,
    });
  const follow = statements
    .update(entries)
    .set(changesTo(bound))
    .where(
      and(
        isNamed,
        sql`${entries.expires} > ${ph("created")}`,
        eq(entries.version, ph("expected")),
        lte(entries.schema, ph("schema")),
      ),
    );
  return { share: database.prepareDirect(share, bindShare), follow: follow.prepare() };
}

function bindShare(row: NewRow): readonly unknown[] {
  const { session, type, key, seq, schema, created, expires, size, tool, execution, labels, value, expected } = row;
  return [session, type, key, seq, schema, created, expires, size, tool, execution, labels, value, size, expected];
}

/** How a row becomes that of the next version. What has expired counts as none: then the first one. */
function changesTo(given: (name: keyof VersionRow) => SQL) {
  const isLive = sql`${entries.expires} > ${given("created")}`;
  const next = sql`iif(${isLive}, ${entries.last} + 1, 1)`;
  const { kept, held } = entries;
  const isFull = sql`json_array_length(${kept}) >= ${sql.raw(String(KEPT_VERSIONS - 1))}`;
  const oldest = sql`${kept} ->> '$[0]'`;
  const added = sql`json_insert(${kept}, '$[#]', (SELECT coalesce(max(id), 0) + 1 FROM context_past))`;
  const moved = sql`json_insert(json_remove(${kept}, '$[0]'), '$[#]', ${oldest})`;
  const replaced = sql`iif(${isFull}, (SELECT p.size FROM context_past p WHERE p.id = ${oldest}), 0)`;
  return {
    version: next,
    last: next,
    seq: sql`max(${given("seq")}, ${entries.seq} + 1)`,
    schema: given("schema"),
    created: given("created"),
    expires: given("expires"),
    size: given("size"),
    held: sql`iif(${isLive}, ${held} - ${replaced}, 0) + ${given("size")}`,
    kept: sql`CASE WHEN NOT ${isLive} THEN '[]' WHEN ${isFull} THEN ${moved} ELSE ${added} END`,
    tool: given("tool"),
    execution: given("execution"),
    labels: given("labels"),
    value: given("value"),
  };
}
