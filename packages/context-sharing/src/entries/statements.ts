/** The statements on context entries; those of a share are built beside (share-statements.ts). */
import type { Database, DirectQuery } from "@container-kit/storage";
import { and, asc, desc, eq, getTableColumns, lte, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { boundLimit } from "../bound-limit.ts";
import { bound, isNamed, prepareShares } from "./share-statements.ts";
import type { Change, ShareStatements } from "./share-statements.ts";
import { entries, past } from "./tables.ts";
import type { VersionRow } from "./tables.ts";

interface Query<Row> {
  get(values?: Readonly<Record<string, unknown>>): Row | undefined;
  all(values?: Readonly<Record<string, unknown>>): readonly Row[];
}

/** What a batch of removals must know of a row. */
export type MeasuredRow = Pick<typeof entries.$inferSelect, "session" | "type" | "key" | "expires" | "last" | "held">;

type RowName = Pick<VersionRow, "session" | "type" | "key">;

/** Built once for an open store. */
export interface EntryStatements extends ShareStatements {
  /** Which version a share came to. By itself: what RETURNING does for it takes longer. */
  readonly versionOf: DirectQuery<RowName, Pick<VersionRow, "version">>;
  readonly find: DirectQuery<RowName, VersionRow>;
  readonly past: Query<VersionRow>;
  readonly page: Query<VersionRow>;
  readonly pageOfType: Query<VersionRow>;
  readonly inOrder: Query<VersionRow>;
  readonly remove: Change;
  readonly removeExpired: Change;
  readonly removeRange: Change;
  readonly measure: Query<MeasuredRow>;
  readonly usage: Query<{ readonly entries: number; readonly bytes: number }>;
  readonly chunkEnd: Query<Pick<VersionRow, "session" | "type" | "key">>;
  readonly producedPast: Query<Pick<VersionRow, "type" | "key" | "version">>;
  readonly produced: Query<Pick<VersionRow, "type" | "key" | "version">>;
  readonly restore: Change;
  readonly removePast: Change;
  readonly weigh: Change;
}

const ph = sql.placeholder;
const isPast = sql`${past.id} IN (SELECT each.value FROM json_each(${entries.kept}) each)`;
const isLive = sql`${entries.expires} > ${ph("now")}`;
const isAfter = sql`(${entries.session}, ${entries.type}, ${entries.key}) > (${ph("session")}, ${ph("type")}, ${ph("key")})`;
const isUpTo = sql`(${entries.session}, ${entries.type}, ${entries.key}) <= (${ph("endSession")}, ${ph("endType")}, ${ph("endKey")})`;
const { last: _last, held: _held, kept: _kept, ...version } = getTableColumns(entries);
const { id: _id, ...ofPast } = getTableColumns(past);
const pastVersion = { session: entries.session, type: entries.type, key: entries.key, ...ofPast };

/** Builds them, once. */
export function prepareEntries(database: Pick<Database, "statements" | "prepareDirect">): EntryStatements {
  const { statements } = database;
  return {
    ...prepareShares(database),
    versionOf: database.prepareDirect(
      statements.select({ version: entries.version }).from(entries).where(isNamed),
      bindName,
    ),
    find: database.prepareDirect(statements.select(version).from(entries).where(isNamed), bindName),
    ...prepareReads(statements),
    ...prepareRemovals(statements),
    ...prepareProduced(statements),
  };
}

function bindName({ session, type, key }: RowName): readonly unknown[] {
  return [session, type, key];
}

function prepareReads(statements: Database["statements"]) {
  const hasLabels = sql`(${ph("labels")} IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(${ph("labels")}) wanted
    WHERE wanted.value IS NOT (SELECT had.value FROM json_each(${entries.labels}) had WHERE had.key = wanted.key)))`;
  const isOptional = (column: typeof entries.tool | typeof entries.execution, name: string): SQL =>
    sql`(${ph(name)} IS NULL OR ${column} = ${ph(name)})`;
  /** Names first: to put whole rows in order, all values of the session would be read. */
  const page = (ofType: SQL | undefined): Query<VersionRow> => {
    const { type, key, seq } = entries;
    const newest = statements
      .select({ type, key, seq })
      .from(entries)
      .where(
        and(
          eq(entries.session, ph("session")),
          ofType,
          isLive,
          isOptional(entries.tool, "tool"),
          isOptional(entries.execution, "execution"),
          hasLabels,
          sql`(${seq}, ${type}, ${key}) < (${ph("beforeSeq")}, ${ph("beforeType")}, ${ph("beforeKey")})`,
        ),
      )
      .orderBy(desc(seq), desc(type), desc(key))
      .limit(boundLimit("limit"))
      .as("newest");
    const isSame = and(eq(entries.session, ph("session")), eq(type, newest.type), eq(key, newest.key));
    return statements
      .select(version)
      .from(newest)
      .innerJoin(entries, isSame)
      .orderBy(desc(newest.seq), desc(newest.type), desc(newest.key))
      .prepare();
  };
  return {
    past: statements
      .select(pastVersion)
      .from(entries)
      .innerJoin(past, isPast)
      .where(isNamed)
      .orderBy(desc(past.version))
      .prepare(),
    page: page(undefined),
    pageOfType: page(eq(entries.type, ph("type"))),
    inOrder: statements
      .select(version)
      .from(entries)
      .where(
        and(
          eq(entries.session, ph("session")),
          sql`(${entries.type}, ${entries.key}) > (${ph("type")}, ${ph("key")})`,
          isLive,
        ),
      )
      .orderBy(asc(entries.type), asc(entries.key))
      .limit(boundLimit("limit"))
      .prepare(),
  };
}

function prepareRemovals(statements: Database["statements"]) {
  const { session, type, key, expires, last, held } = entries;
  return {
    remove: statements.delete(entries).where(isNamed).prepare(),
    removeExpired: statements
      .delete(entries)
      .where(and(isNamed, lte(entries.expires, ph("by"))))
      .prepare(),
    removeRange: statements
      .delete(entries)
      .where(and(isAfter, isUpTo, lte(entries.expires, ph("by"))))
      .prepare(),
    measure: statements
      .select({ session, type, key, expires, last, held })
      .from(entries)
      .where(isAfter)
      .orderBy(asc(session), asc(type), asc(key))
      .limit(boundLimit("limit"))
      .prepare(),
    usage: statements
      .select({ entries: sql<number>`count(*)`, bytes: sql<number>`coalesce(sum(${held}), 0)` })
      .from(entries)
      .where(and(isAfter, isUpTo))
      .prepare(),
    chunkEnd: statements
      .select({ session, type, key })
      .from(entries)
      .where(isAfter)
      .orderBy(asc(session), asc(type), asc(key))
      .limit(1)
      .offset(ph("rows"))
      .prepare(),
  };
}

function prepareProduced(statements: Database["statements"]) {
  const { type, key, version } = entries;
  return {
    producedPast: statements
      .select({ type, key, version: past.version })
      .from(entries)
      .innerJoin(past, isPast)
      .where(and(eq(entries.session, ph("session")), eq(past.execution, ph("execution"))))
      .prepare(),
    removePast: statements
      .update(entries)
      .set({
        kept: sql`(SELECT json_group_array(p.id ORDER BY p.version) FROM context_past p
          WHERE p.id IN (SELECT each.value FROM json_each(${entries.kept}) each) AND p.execution <> ${ph("execution")})`,
      })
      .where(isNamed)
      .prepare(),
    produced: statements
      .select({ type, key, version })
      .from(entries)
      .where(and(eq(entries.session, ph("session")), eq(entries.execution, ph("execution"))))
      .prepare(),
    /**
     * Of the newest that is kept. Not `last`: what is shared next is above all that was ever served, and no trigger keeps
     * what is taken back.
     */
    restore: statements
      .update(entries)
      .set({
        version: bound("version"),
        seq: bound("seq"),
        schema: bound("schema"),
        created: bound("created"),
        expires: bound("expires"),
        size: bound("size"),
        tool: bound("tool"),
        execution: bound("execution"),
        labels: bound("labels"),
        value: bound("value"),
        kept: sql`json_remove(${entries.kept}, '$[#-1]')`,
      })
      .where(isNamed)
      .prepare(),
    weigh: statements
      .update(entries)
      .set({
        held: sql`${entries.size} + coalesce((SELECT sum(p.size) FROM context_past p
          WHERE p.id IN (SELECT each.value FROM json_each(${entries.kept}) each)), 0)`,
      })
      .where(isNamed)
      .prepare(),
  };
}
